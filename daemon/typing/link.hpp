// Whether one port may feed another, with a reason that a person understands and what would make it fit. Any thread.
#pragma once
#include "daemon/typing/catalog.hpp"
#include "schema/typing/assignable.hpp"

namespace qflow::typing {

/// One end of a connection: its type with the classes that it mentions, which outlive this. `declared`: a documented or
/// custom name that the workflow gives the port where the code says nothing.
struct End {
  schema::Type type;
  const schema::Classes* classes = nullptr;
  std::string declared;
};

/// Steps that lead from one type to another.
struct Suggestion {
  std::vector<Converter> path;  ///< one or two
  /// {converter, node: {type, parameters} or the library's, path}
  json::object to_json() const;
};

struct Link {
  bool compatible = true;  ///< the outer types fit, as the matrix has it
  bool fits = true;        ///< the structure fits as well
  bool conversion_required = false;
  std::string method;       ///< "int()"; empty: none
  std::string explanation;  ///< "list[str] → list[int]: element 0 of the type: str is not int; converter: int()"
  schema::DocumentedType source, target;
};

Link check_link(const End& source, const End& target, const Catalog& catalog);

/// How to get from one type to the other by at most two converters; the documented ones first.
std::vector<Suggestion> suggest(const End& source, const End& target, const Catalog& catalog);

/// "list[int]", or the declared name.
std::string shown(const End& end);

}  // namespace qflow::typing
