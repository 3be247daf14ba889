// The documented types, which type fits which, and how values are converted (types.md 1, 2 and 4, in this folder).
// Data; any thread.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qflow::schema {

struct TypeInfo {
  std::string_view name, category, python_type, description;
  std::vector<std::string_view> aliases;
};

/// The twenty names, in the order of types.md.
std::span<const TypeInfo> builtin_types();
/// The documented name that a name or alias ("str", "pandas.DataFrame") stands for; nothing if it is unknown.
std::optional<std::string_view> builtin_type(std::string_view name_or_alias);

struct Compatibility {
  bool compatible = false;
  bool conversion_required = false;
  std::string_view method;  ///< "int()"; empty: none
};
/// Whether an output of type `source` may feed an input of type `target`, both documented names.
Compatibility compatibility(std::string_view source, std::string_view target);

/// Converts a value from one documented type to another, both in their JSON form. `items`: a dict becomes its items
/// rather than its keys. Returns nothing if this value cannot be converted; `problem` says why.
std::optional<boost::json::value> convert(const boost::json::value& value, std::string_view source,
                                          std::string_view target, bool items, std::string& problem);

/// The documented type of a JSON value (types.md 5).
std::string_view type_of(const boost::json::value& value);

}  // namespace qflow::schema
