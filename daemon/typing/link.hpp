// Whether one port may feed another, with a reason for people and the converters that would make it fit. Any thread.
#pragma once
#include "daemon/typing/catalog.hpp"
#include "schema/typing/assignable.hpp"

namespace qflow::typing {

/// One end of a connection: its type with the classes that it mentions, which must outlive this. `declared`: a
/// documented or custom name that the workflow gives the port where the code says nothing.
struct LinkEnd {
  schema::Type type;
  const schema::Classes* classes = nullptr;
  std::string declared;
};

/// Converters that lead from one type to another.
struct Suggestion {
  std::vector<Converter> path;  ///< one or two
  /// {converter, nodes: [{type, parameters, library_node and author for a node of the library}], path}. A node of the
  /// library gets a sandbox without network and programs, whatever its workflow has.
  json::object to_json() const;
};

struct Link {
  bool compatible = true;  ///< the outer types fit, according to the matrix
  bool fits = true;        ///< the structure fits as well
  bool conversion_required = false;
  std::string method;       ///< "int()"; empty: none
  std::string explanation;  ///< "list[str] → list[int]: element 0 of the type: str is not int; converter: int()"
  schema::DocumentedName source, target;
};

/// `looks`: the parts of types that may still be visited for one document; what was visited is taken from it. At 0
/// only the outer types are compared.
Link check_link(const LinkEnd& source, const LinkEnd& target, const Catalog& catalog, int* looks = nullptr);

/// Ways from one type to the other through at most two converters; documented converters come first.
std::vector<Suggestion> suggest(const LinkEnd& source, const LinkEnd& target, const Catalog& catalog);

/// "list[int]", or the declared name.
std::string shown(const LinkEnd& end);

}  // namespace qflow::typing
