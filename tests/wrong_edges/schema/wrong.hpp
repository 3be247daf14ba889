#include "daemon/fault.hpp"  // what the test must notice
