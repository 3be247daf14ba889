// JSON text from strangers: bounded in depth, and without silent loss. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace qflow::schema {
namespace json = boost::json;

/// Parses JSON text within `max_depth` levels. Numbers that neither a 64-bit integer nor a double can hold are refused,
/// not rounded. On failure the value is null and `error` says why and at which byte.
json::value parse_json(std::string_view text, std::string& error, std::size_t max_depth = 64);

/// Upper bound for the number of elements in a JSON text, found without building them: check it before parse_json().
std::size_t count_elements(std::string_view text);

}  // namespace qflow::schema
