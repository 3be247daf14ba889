#include "schema/typing/type.hpp"
