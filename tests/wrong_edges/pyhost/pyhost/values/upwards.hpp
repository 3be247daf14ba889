#include "pyhost/node/describe.hpp"
