// Questions about types that people and editors ask: does one fit the other, which take it, what does a value become.
// Io threads.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/typing/link.hpp"

namespace qflow::services {

struct TypeAnswer {
  bool compatible = false, conversion_required = false;
  std::optional<bool> outer_compatible;  ///< of Python types; two names have no inside
  std::string method;                    ///< the converter, "int()"; empty: none
  std::string explanation;
  std::vector<typing::Suggestion> suggestions;  ///< how to make them fit, if they do not
};

/// Compares two types as clients write them: documented names, names of users' types, Python types. An unknown name
/// fits nothing, and the explanation says so. Counted in the metrics.
TypeAnswer compare_types(Services& services, const typing::Catalog& catalog, const std::string& source,
                         const std::string& target);

/// Two nodes by the types of their ports: each output with each input, in this order.
struct PortsAnswer {
  std::vector<TypeAnswer> pairs;
  bool can_connect = false;  ///< any output fits any input
};
PortsAnswer compare_ports(Services& services, const typing::Catalog& catalog, const std::vector<std::string>& outputs,
                          const std::vector<std::string>& inputs);

struct Converted {
  json::value value;
  std::string method;  ///< "int()"; empty: none was needed
};
/// A value of one documented type as another; `items`: a dict becomes a list of pairs. Throws Fault: bad_input for an
/// unknown name, unprocessable for a value that does not convert.
Converted convert_value(Services& services, const json::value& value, const std::string& source,
                        const std::string& target, bool items);

/// The names of all types, built-in ones first.
Task<std::vector<std::string>> type_names(Services& services);
/// Those that take a value of type `source`. Throws Fault(not_found) when there is no such type.
Task<std::vector<std::string>> types_that_take(Services& services, const auth::Caller& caller, std::string source);

}  // namespace qflow::services
