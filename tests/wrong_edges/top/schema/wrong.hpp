#include "daemon/base/fault.hpp"  // an edge that the test must notice
