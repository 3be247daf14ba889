#include "daemon/api/workflows/workflow_view.hpp"
