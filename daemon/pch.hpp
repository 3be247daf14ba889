// Precompiled: headers that most files here include and headers that are slow to parse.
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
