#include "daemon/pch.hpp"
