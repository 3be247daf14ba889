// A Python type as stated by an annotation, as plain data: workers read it from live functions; the daemon compares it,
// turns it into JSON Schema and stores it. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qflow::schema {
namespace json = boost::json;

/// One type. `list[int]` is {kind: named, name: "list", arguments: [int]}.
struct Type {
  enum class Kind {
    any,       ///< no annotation, typing.Any, a type variable
    never,     ///< NoReturn
    none,      ///< None
    named,     ///< a class by its canonical name, with its type arguments
    literal,   ///< Literal[...]: `values`
    union_of,  ///< `arguments` are the alternatives
    tuple,     ///< `arguments` by position; variadic: the one argument, any number of times
    callable,  ///< `arguments`: the parameters, then the result; variadic: Callable[..., result]
  };
  Kind kind = Kind::any;
  std::string name;  ///< of `named`: "int", "collections.abc.Sequence", "numpy.ndarray", "nodes.read.Document"
  std::vector<Type> arguments;
  bool variadic = false;
  std::vector<json::value>
      values;           ///< of `literal`: strings, integers, booleans, null; {"enum": class, "name": member}
  json::object limits;  ///< from Annotated, as JSON Schema keywords: minimum, maxLength, pattern, …

  static Type any() { return {}; }
  static Type of(std::string name, std::vector<Type> arguments = {});
  static Type none();
  /// A union, flattened and without duplicates; a single alternative is returned as it is.
  static Type either(std::vector<Type> alternatives);
  bool is(std::string_view class_name) const { return kind == Kind::named && name == class_name; }
  bool operator==(const Type& other) const;
};

/// A field of a dataclass, TypedDict, NamedTuple or model; a member of a protocol.
struct Field {
  std::string name;
  Type type;
  bool required = true;
  bool read_only = false;  ///< frozen, a property, a method
  bool method = false;
  bool init_only = false;  ///< given when the object is made, but not an attribute of it (InitVar)
  bool computed = false;   ///< an attribute that is not given when the object is made (init=False)
  std::string description;
  std::optional<json::value> initial;  ///< the default, where JSON can express it
};

/// Everything known about a class that an annotation names and that is not one of Python's own.
struct ClassInfo {
  enum class Form { plain, dataclass, typed_dict, named_tuple, enumeration, protocol, model };
  Form form = Form::plain;
  /// Whether its values are objects of fields: a dataclass or a model.
  bool is_object() const { return form == Form::dataclass || form == Form::model; }
  std::vector<std::string> bases;   ///< canonical names along the method resolution order, nearest first
  std::vector<Type> generic_bases;  ///< bases with their arguments, e.g. list[int]; named parameters by `parameters`
  std::vector<std::string> parameters;  ///< of a generic class: "T", "+T_co", "-T_contra"
  std::vector<Field> fields;
  std::vector<std::pair<std::string, json::value>> members;  ///< of an enumeration: name, value
  std::string description;
  json::object json_schema;  ///< of a model: its own JSON Schema
};

/// The classes that some types mention, by canonical name.
using Classes = std::map<std::string, ClassInfo, std::less<>>;

/// "list[int]", "str | None": as a person would write it; classes of nodes without their module.
std::string text(const Type& type);

/// The wire and stored form. type_from_json() and classes_from_json() bound depth, width and count, and return `any`
/// for anything that they cannot read, because a worker sent it.
json::value to_json(const Type& type);
Type type_from_json(const json::value& from);
json::object to_json(const Classes& classes);
Classes classes_from_json(const json::value& from);

/// The class of a literal's value: "int", "str", "bool", "bytes", the enumeration's name; "NoneType" for null.
std::string class_of_literal(const json::value& value);

}  // namespace qflow::schema
