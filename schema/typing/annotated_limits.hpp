// Annotated's metadata as JSON Schema keywords. Any thread.
#pragma once
#include "schema/typing/type.hpp"

namespace qflow::schema {

/// Adds one piece of Annotated's metadata to `type`, as a JSON Schema keyword. `word` is its name in annotated-types
/// and pydantic: gt, ge, lt, le, multiple_of, min_length, max_length, pattern, or min, max, description, title.
/// Unknown words change nothing.
void add_limit(Type& type, std::string_view word, const json::value& value);

/// The words of the positional arguments of annotated-types' classes: "Gt" → gt, "Len" → min_length, max_length.
std::vector<std::string_view> words_of_metadata(std::string_view class_name);

}  // namespace qflow::schema
