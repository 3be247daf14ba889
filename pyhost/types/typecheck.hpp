// Checks values against declared types as they pass into and out of a function. Worker process.
#pragma once
#include <optional>
#include <string>

#include "pyhost/types/annotations.hpp"

namespace qflow::pyhost {

/// The one alternative of a union that is not None, or the type itself.
const schema::Type& without_none(const schema::Type& type);

/// A value that does not match the declared type.
struct Mismatch {
  std::string path;      ///< JSON pointer within the value; empty: the value itself
  std::string expected;  ///< "list[int]"
  std::string found;     ///< "str"
  bool outer = false;    ///< the outer type itself is wrong, not only something inside
  /// "expected int, found str", with the path where there is one.
  std::string text() const;
};

/// Checks values by the types of one function. Inspects at most ten thousand elements of one value, and eight levels.
class TypeCheck {
 public:
  explicit TypeCheck(const MentionedClasses& classes) : classes_(classes) {}

  /// What is wrong with the value, if anything.
  std::optional<Mismatch> check(pybind11::handle value, const schema::Type& type);

  /// Whether the value is of the class with that canonical name, or says that it is: a proxy, a mock.
  bool is_instance(pybind11::handle value, const std::string& class_name) const;
  /// What is known of the class that a type names, or null.
  const schema::ClassInfo* info_of(const schema::Type& type) const;
  /// The class itself, or null.
  pybind11::object live(const schema::Type& type) const;
  const MentionedClasses& classes() const { return classes_; }

 private:
  bool fits(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_kind(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_class(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fits_fields(pybind11::handle value, const schema::Type& type, const schema::ClassInfo& info,
                   const std::string& at, int depth);
  bool fits_literal(pybind11::handle value, const schema::Type& type, const std::string& at);
  bool fits_elements(pybind11::handle value, const schema::Type& type, const std::string& at, int depth);
  bool fail(pybind11::handle value, const schema::Type& type, const std::string& at, bool outer = true);
  bool is_of(pybind11::handle value, const std::string& class_name) const;

  const MentionedClasses& classes_;
  std::optional<Mismatch> mismatch_;
  int looked_at_ = 0;
};

}  // namespace qflow::pyhost
