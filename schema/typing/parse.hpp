// Type expressions as text: "dict[str, list[int]] | None". The live function is the better source; this is for types
// that clients write and for code that cannot be executed. Any thread.
#pragma once
#include <functional>

#include "schema/typing/type.hpp"

namespace qflow::schema {

/// The canonical form of a name as written ("np.ndarray" → "numpy.ndarray"), or nothing for an unknown name.
using NameResolver = std::function<std::optional<std::string>(std::string_view written)>;

/// Resolves Python's own names, the names of typing and collections.abc, and the usual aliases np, pd, t.
std::optional<std::string> usual_name(std::string_view written);

struct ParsedType {
  Type type;
  std::string error;                 ///< empty on success; otherwise what is wrong and at which character
  std::vector<std::string> unknown;  ///< unknown names; `type` has them as classes of that name
};
/// Reads an annotation. At most 10,000 characters and 24 levels deep.
ParsedType parse_type(std::string_view text, const NameResolver& resolve = usual_name);

/// A type from a canonical name and its arguments, the special forms included: ("typing.Optional", [int]) →
/// int | None, ("list", []) → list, ("tuple", []) → tuple[Any, ...]. Missing arguments mean Any.
Type make_type(const std::string& canonical, std::vector<Type> arguments);

/// Adds one piece of Annotated's metadata to `type`, as a JSON Schema keyword. `word` is its name in annotated-types
/// and pydantic: gt, ge, lt, le, multiple_of, min_length, max_length, pattern, or min, max, description, title.
/// Unknown words change nothing.
void add_limit(Type& type, std::string_view word, const json::value& value);

/// The words of the positional arguments of annotated-types' classes: "Gt" → gt, "Len" → min_length, max_length.
std::vector<std::string_view> words_of_metadata(std::string_view class_name);

}  // namespace qflow::schema
