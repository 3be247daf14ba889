// Literals and inputs as the types that parameters declare. Worker process.
#pragma once
#include "pyhost/types/conversions.hpp"

namespace qflow::pyhost {

/// Turns JSON values into the values that a declared type stands for, at every level, because nobody else holds them:
/// dataclasses, models, NamedTuples, enumerations, tuples, sets, dates, paths, bytes (base64), arrays and tables. At
/// most 32 levels deep.
class FromJson {
 public:
  explicit FromJson(TypeCheck& types) : types_(types), conversions_(types) {}

  /// A value that cannot be converted stays as it is, and TypeCheck::check() says so. Throws error_already_set when a
  /// class refuses its values.
  pybind11::object make(pybind11::object value, const schema::Type& declared, int depth = 0);

 private:
  pybind11::object alternative(const pybind11::object& value, const schema::Type& type, int depth);
  pybind11::object literal(const pybind11::object& value, const schema::Type& type);
  pybind11::object tuple(const pybind11::object& list, const schema::Type& type, int depth);
  pybind11::object from_list(pybind11::object list, const schema::Type& type, int depth);
  pybind11::object named_tuple(const pybind11::object& list, const schema::Type& type, const schema::ClassInfo& info,
                               int depth);
  pybind11::object from_dict(const pybind11::object& dict, const schema::Type& type, int depth);
  pybind11::object record(const pybind11::object& dict, const schema::Type& type, const schema::ClassInfo& info,
                          int depth);
  pybind11::object mapping(const pybind11::object& dict, const schema::Type& type,
                           const std::vector<schema::Field>& fields, int depth);
  pybind11::object key(pybind11::object written, const schema::Type& type, int depth);
  pybind11::object scalar(const pybind11::object& value, const schema::Type& type) const;
  void element(const pybind11::object& list, Py_ssize_t at, const schema::Type& type, int depth);

  TypeCheck& types_;
  Conversions conversions_;
};

}  // namespace qflow::pyhost
