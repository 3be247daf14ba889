// Precompiled: what most files here include and what is slow to read.
#pragma once
#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
