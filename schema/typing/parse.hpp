// Type expressions as text: "dict[str, list[int]] | None". The live function is the better source; this is for types
// that clients write and for code that cannot be executed. Any thread.
#pragma once
#include "schema/typing/names.hpp"

namespace qflow::schema {

struct ParsedType {
  Type type;
  std::string error;                 ///< empty on success; otherwise what is wrong and at which character
  std::vector<std::string> unknown;  ///< unknown names; `type` has them as classes of that name
};
/// Reads an annotation. At most 10,000 characters and 24 levels deep.
ParsedType parse_type(std::string_view text, const NameResolver& resolve = usual_name);

}  // namespace qflow::schema
