#include "daemon/engine/engine.hpp"
