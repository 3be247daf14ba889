// A snapshot of the types and converters that users have defined. A check of connections uses it in addition to the
// documented rules. An immutable value; any thread.
#pragma once
#include <boost/json/value.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/documented_types.hpp"
#include "schema/typing/documented_name.hpp"

namespace qflow::typing {
namespace json = boost::json;

/// A type that a user defined, by JSON Schema, by a Python class, by the type that it extends, or by several of these.
struct CustomType {
  std::string name;
  std::string extends;      ///< the type that it may stand in for; empty: only itself and any
  std::string python_type;  ///< the class that it stands for, with or without module; empty: the class of the same name
  json::object schema;      ///< JSON Schema of its values; empty: none
  bool of_classes = true;   ///< classes of the same name are of this type
};

/// A function that takes one value and returns it as another type.
struct Converter {
  std::string name;            ///< "int()", or the library node's name
  std::string node_id;         ///< id of the library node; empty: qflow.convert converts
  std::string code, function;  ///< of the library node
  schema::Type source, target;
  schema::Classes classes;
  std::string author;  ///< of the library node: the user's name, or their address
};

class Catalog {
 public:
  Catalog() = default;
  Catalog(std::vector<CustomType> types, std::vector<Converter> converters);

  /// The custom types as classes, with the types that they extend as their bases.
  const schema::Classes& classes() const { return classes_; }
  const std::vector<Converter>& converters() const { return converters_; }
  const CustomType* find(std::string_view name) const;
  /// The custom type of a class, for schema::documented().
  std::optional<std::string> of_class(std::string_view class_name) const;
  schema::DocumentedName documented(const schema::Type& type, const schema::Classes& classes) const;
  /// Applies the documented rules and `extends`. Unknown names fit nothing.
  schema::Compatibility compatibility(std::string source, std::string_view target) const;
  /// Whether it is a documented name or alias, or the name of a custom type.
  bool knows(std::string_view name) const;

 private:
  std::map<std::string, CustomType, std::less<>> types_;
  std::map<std::string, std::string, std::less<>> by_class_;  ///< class name, with and without module → type
  std::vector<Converter> converters_;
  schema::Classes classes_;
};

}  // namespace qflow::typing
