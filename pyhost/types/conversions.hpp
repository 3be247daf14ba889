// The conversions that a connection makes: a value that is not of the type its receiver declares, where the documented
// rules let one pass for the other. Worker process.
#pragma once
#include "pyhost/types/typecheck.hpp"

namespace qflow::pyhost {

class Conversions {
 public:
  explicit Conversions(const TypeCheck& types) : types_(types) {}

  /// The value converted to the declared type, where the rules allow that: tuple or set → list, an integral float →
  /// int, tensor ↔ array, dict ↔ dataclass or model, a member or NamedTuple of another node's class → this node's own,
  /// any iterable → an iterator, also an asynchronous one. Any other value stays as it is.
  pybind11::object pass(pybind11::object value, const schema::Type& declared) const;

  /// The member of an enumeration that has this value, or else this name; the value as it is when there is none.
  pybind11::object member(const pybind11::object& value, const schema::Type& type) const;

  /// An object of a dataclass or model, made from a dict by its fields; the dict as it is when a key is no field or an
  /// argument is missing. Throws error_already_set when the class refuses the values: that is the node's own error.
  pybind11::object record(const pybind11::object& dict, const schema::Type& type, const schema::ClassInfo& info,
                          const std::vector<schema::Field>& fields) const;

 private:
  pybind11::object as_own_class(const pybind11::object& value, const schema::Type& type,
                                const schema::ClassInfo& info) const;
  pybind11::object with_own_classes(const pybind11::object& value, const schema::Type& type) const;
  const TypeCheck& types_;
};

/// "list", "collections.abc.Sequence" and the other names that a list fits.
bool is_list_like(const std::string& class_name);
bool is_iterator(const std::string& class_name);
bool is_async_iterator(const std::string& class_name);
bool is_mapping(const std::string& class_name);

}  // namespace qflow::pyhost
