// Live annotations as types, in every form that typing, collections.abc, dataclasses, enum, pydantic and numpy give
// them on Python 3.8 to 3.13. Worker process. Imports nothing: the objects in an annotation are already loaded.
#pragma once
#include <pybind11/pybind11.h>

#include <map>
#include <set>
#include <string>

#include "schema/typing/type.hpp"

namespace qflow::pyhost {

/// The classes that annotations mention: as data for the daemon, and as live objects for checking values.
struct MentionedClasses {
  schema::Classes infos;
  std::map<std::string, pybind11::object, std::less<>> live;  ///< by canonical name
  int parts = 0;                          ///< of the annotations read so far: bounded, because some have no end
  std::set<std::string> unresolved;       ///< annotations treated as Any, each with the reason, for the node's author
  std::set<std::string> type_parameters;  ///< names of PEP 695 type parameters, which are not among the globals
};

/// Reads annotations that are evaluated in one module.
class AnnotationReader {
 public:
  /// `names`: the module's globals; a class's own names come on top of them.
  AnnotationReader(MentionedClasses& classes, pybind11::object names) : classes_(classes), names_(std::move(names)) {}

  /// Never throws because of an annotation: an annotation that cannot be understood is Any.
  schema::Type read(pybind11::handle annotation, int depth = 0);
  /// Whether the annotation read last was Required[] or NotRequired[].
  std::optional<bool> requiredness() const { return required_; }
  /// Whether the annotation read last was Unpack[], as used on *args and **kwargs; the type is its argument.
  bool unpacked() const { return unpacked_; }
  /// Takes the names of the type parameters that a function or class declares: def first[T](...).
  void take_type_parameters(pybind11::handle owner);

 private:
  void note(const std::string& reason);
  schema::Type read_text(const std::string& text, int depth);
  schema::Type read_parsed(const std::string& text, int depth);
  schema::Type read_class(pybind11::handle klass);
  std::optional<schema::Type> read_constrained(pybind11::handle klass, const std::string& name);
  schema::Type read_generic(pybind11::handle origin, pybind11::handle arguments, int depth);
  schema::Type read_literal(pybind11::handle arguments, int depth);
  schema::Type read_callable(pybind11::handle arguments, int depth);
  schema::Type read_tuple(pybind11::handle arguments, int depth);
  schema::Type read_union(pybind11::handle arguments, int depth);
  schema::Type read_annotated(pybind11::handle annotation, int depth);
  schema::Type read_new_type(pybind11::handle annotation, int depth);
  void take_metadata(schema::Type& type, pybind11::handle metadata);

  friend class ClassReader;
  MentionedClasses& classes_;
  pybind11::object names_;
  struct Expanding {
    std::vector<std::string>& all;
    Expanding(std::vector<std::string>& names, std::string name) : all(names) { all.push_back(std::move(name)); }
    ~Expanding() { all.pop_back(); }
    Expanding(const Expanding&) = delete;
    Expanding& operator=(const Expanding&) = delete;
  };
  std::vector<std::string> expanding_;  ///< names that are being read
  int parts_ = 0;
  std::optional<bool> required_;
  bool unpacked_ = false;
  bool quiet_ = false;     ///< not a node's class: parts that cannot be read do not concern the node's author
  bool in_class_ = false;  ///< type variables stand for the class's parameters
};

/// "int", "collections.abc.Sequence", "nodes.read.Document": the name by which both sides know a class.
std::string canonical_name(pybind11::handle klass);

/// A value as JSON, if JSON can represent exactly that value within 64 KiB.
std::optional<schema::json::value> exact_json(pybind11::handle value);

/// A new reference as an object; null, with the error cleared, where the call failed.
inline pybind11::object own(PyObject* object) {
  if (object == nullptr) PyErr_Clear();
  return pybind11::reinterpret_steal<pybind11::object>(object);
}
/// An attribute, or null when there is none or asking for it fails.
pybind11::object find_attribute(pybind11::handle object, const char* name);
/// A str's text; empty for anything else.
std::string text_of(pybind11::handle object);

}  // namespace qflow::pyhost
