// Whether a value of one type may be used where another is declared, by the structure of the types: the typing
// specification's assignability, as mypy decides it, and what Qflow also allows on a connection. Any thread.
#pragma once
#include "schema/typing/type.hpp"

namespace qflow::schema {

/// What is allowed beyond the typing specification. On a connection, a value is handed over, not shared under two
/// names, and each node is a module of its own, so schema/types.md 6 asks for more leniency there than inside one
/// program.
struct Rules {
  bool covariant_containers = true;  ///< list[int] → list[float]: only the receiver uses the list
  bool records_by_fields = true;     ///< a dataclass, NamedTuple, enumeration or model of another node, by its fields
  bool dicts_for_records =
      true;  ///< dict and Mapping ↔ TypedDict, dataclass and model, by values (matrix: dict ↔ object)
  bool loose_members = true;       ///< TypedDict and protocol members may be narrower, although they can be assigned to
  bool new_types = true;           ///< the base of a NewType for the NewType (schema/types.md 6: NewType → its base)
  bool iterators_are_made = true;  ///< anything iterable for an Iterator or Generator: the worker calls iter()
  bool numbers_are_registered = true;  ///< int for numbers.Integral and the like, which type checkers do not know
  /// Nothing beyond the specification.
  static Rules typing() { return {false, false, false, false, false, false, false}; }
};

/// The answer; if it does not fit, where and why.
struct Assignability {
  bool fits = true;
  std::vector<std::string> path;  ///< "element 0 of the type", "field 'x'"; outermost first
  std::string reason;             ///< "str is not int"
  Type source, target;            ///< the parts that `reason` is about
};

/// Whether `source` is assignable to `target`; each side has its own classes. The work is bounded: anything that cannot
/// be decided within the bound counts as fitting. `budget`: the parts of types that may be visited, less than the usual
/// bound; those that were are taken from it.
Assignability assignable(const Type& source, const Classes& source_classes, const Type& target,
                         const Classes& target_classes, const Rules& rules = {}, int* budget = nullptr);

/// "list[str] → list[int]: element 0 of the type: str is not int"
std::string explain(const Type& source, const Type& target, const Assignability& answer);

}  // namespace qflow::schema
