// Reads the bases, fields and members of a class that an annotation names. Worker process.
#pragma once
#include "pyhost/types/annotations.hpp"

namespace qflow::pyhost {

/// Adds the description of a class, and of the classes it mentions, to `classes`.
class ClassReader {
 public:
  explicit ClassReader(MentionedClasses& classes) : classes_(classes) {}
  /// Does nothing for a class that is already known or is Python's own.
  void describe(const std::string& name, pybind11::handle klass);

 private:
  void read_bases(schema::ClassInfo& info, pybind11::handle klass, AnnotationReader& reader);
  bool read_model(schema::ClassInfo& info, pybind11::handle klass, AnnotationReader& reader);
  void read_dataclass(schema::ClassInfo& info, pybind11::handle fields, pybind11::handle klass,
                      AnnotationReader& reader);
  void read_typed_dict(schema::ClassInfo& info, pybind11::handle klass, AnnotationReader& reader);
  void read_named_tuple(schema::ClassInfo& info, pybind11::handle klass, AnnotationReader& reader);
  void read_enumeration(schema::ClassInfo& info, pybind11::handle members);
  void read_members(schema::ClassInfo& info, pybind11::handle klass, AnnotationReader& reader);
  MentionedClasses& classes_;
};

}  // namespace qflow::pyhost
