// Values against declared types, as they pass into a function and out of it; and the conversions that a connection
// makes (types.md 3 and 4). Worker process.
#pragma once
#include <optional>
#include <string>

#include "pyhost/annotations.hpp"

namespace qflow::pyhost {

/// The one alternative of a union that is not None, or the type itself.
const schema::Type& without_none(const schema::Type& type);

/// A value that is not what is declared.
struct Mismatch {
  std::string path;      ///< JSON pointer within the value; empty: the value itself
  std::string expected;  ///< "list[int]"
  std::string found;     ///< "str"
  bool outer = false;    ///< the outer type is wrong already, not only something inside
  /// "expected int, found str", with the path where there is one.
  std::string text() const;
};

/// Checks and converts values by the types of one function. Elements and levels are looked at up to a bound: ten
/// thousand elements of one value, eight levels.
class TypeCheck {
 public:
  explicit TypeCheck(const MentionedClasses& classes) : classes_(classes) {}

  /// What is wrong with the value, if anything.
  std::optional<Mismatch> check(pybind11::handle value, const schema::Type& type);

  /// The value as the receiver declares it, where the documented rules pass one for the other: tuple or set → list, an
  /// integral float → int, tensor ↔ array, dict ↔ dataclass or model, an enumeration's value → its member, any iterable
  /// → an iterator. Everything else as it is.
  pybind11::object pass(pybind11::object value, const schema::Type& type);

  /// A JSON value as the declared type: also inside, because it is ours alone. Dataclasses, models, NamedTuples,
  /// enumerations, tuples, sets, dates, paths, bytes (base64), arrays and tables are made; what cannot be stays as it
  /// is and check() says so.
  pybind11::object from_json(pybind11::object value, const schema::Type& type, int depth = 0);

 private:
  bool fits(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_kind(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_class(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_fields(pybind11::handle value, const schema::Type& type, const schema::ClassInfo& info,
                   const std::string& at, int depth);
  bool fits_literal(pybind11::handle value, const schema::Type& type, const std::string& at);
  bool fits_elements(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fail(pybind11::handle value, const schema::Type& type, const std::string& at, bool outer = true);
  bool is_instance(pybind11::handle value, const std::string& class_name) const;
  bool is_of(pybind11::handle value, const std::string& class_name) const;
  const schema::ClassInfo* info_of(const schema::Type& type) const;
  pybind11::object live(const schema::Type& type) const;
  pybind11::object as_own_class(const pybind11::object& value, const schema::Type& type, const schema::ClassInfo& info);
  pybind11::object with_own_classes(const pybind11::object& value, const schema::Type& type);
  pybind11::object literal_from_json(const pybind11::object& value, const schema::Type& type);
  pybind11::object make_record(const pybind11::object& dict, const schema::Type& type, const schema::ClassInfo& info,
                               bool inside, int depth);
  pybind11::object scalar_from_json(const pybind11::object& value, const schema::Type& type);

  const MentionedClasses& classes_;
  std::optional<Mismatch> mismatch_;
  int looked_at_ = 0;
};

}  // namespace qflow::pyhost
