#include "schema/typing/documented_name.hpp"

#include <algorithm>
#include <set>

namespace qflow::schema {
namespace {

struct Row {
  std::string_view class_name, documented;
};
constexpr Row kRows[] = {{"str", "string"},
                         {"int", "integer"},
                         {"float", "float"},
                         {"bool", "boolean"},
                         {"numbers.Number", "number"},
                         {"numbers.Real", "number"},
                         {"bytes", "file"},
                         {"bytearray", "file"},
                         {"typing.IO", "file"},
                         {"typing.BinaryIO", "file"},
                         {"typing.TextIO", "file"},
                         {"pathlib.Path", "file"},
                         {"pathlib.PurePath", "file"},
                         {"pathlib.PosixPath", "file"},
                         {"pathlib.PurePosixPath", "file"},
                         {"list", "list"},
                         {"collections.deque", "list"},
                         {"collections.abc.Sequence", "list"},
                         {"collections.abc.MutableSequence", "list"},
                         {"collections.abc.Iterable", "list"},
                         {"collections.abc.Iterator", "list"},
                         {"collections.abc.Collection", "list"},
                         {"collections.abc.MutableSet", "list"},
                         {"collections.abc.Generator", "list"},
                         {"collections.abc.AsyncIterator", "list"},
                         {"collections.abc.AsyncIterable", "list"},
                         {"collections.abc.AsyncGenerator", "list"},
                         {"tuple", "tuple"},
                         {"set", "set"},
                         {"frozenset", "set"},
                         {"collections.abc.Set", "set"},
                         {"dict", "dict"},
                         {"collections.defaultdict", "dict"},
                         {"collections.OrderedDict", "dict"},
                         {"collections.Counter", "dict"},
                         {"collections.ChainMap", "dict"},
                         {"collections.abc.Mapping", "dict"},
                         {"collections.abc.MutableMapping", "dict"},
                         {"numpy.ndarray", "numpy_array"},
                         {"pandas.DataFrame", "dataframe"},
                         {"pandas.core.frame.DataFrame", "dataframe"},
                         {"torch.Tensor", "tensor"},
                         {"PIL.Image.Image", "image"}};

DocumentedName documented_at(const Type& type, const Classes& classes, const CustomTypeOf& custom, int depth);

std::string of_class(const Type& type, const Classes& classes, const CustomTypeOf& custom, int depth) {
  for (const Row& row : kRows)
    if (row.class_name == type.name) return std::string(row.documented);
  if (custom)
    if (const auto registered = custom(type.name)) return *registered;
  const auto found = classes.find(type.name);
  if (found == classes.end() || depth > 8) return "any";
  const ClassInfo& info = found->second;
  switch (info.form) {
    case ClassInfo::Form::dataclass:
    case ClassInfo::Form::model:
      return "object";
    case ClassInfo::Form::typed_dict:
      return "dict";
    case ClassInfo::Form::named_tuple:
      return "tuple";
    default:
      break;
  }
  const bool new_type = std::find(info.bases.begin(), info.bases.end(), "NewType") != info.bases.end();
  if (new_type && !info.generic_bases.empty())
    return documented_at(info.generic_bases.front(), classes, custom, depth + 1).name;
  return "any";
}

DocumentedName documented_at(const Type& type, const Classes& classes, const CustomTypeOf& custom, int depth) {
  DocumentedName out;
  if (depth > 16) return out;  // a NewType of itself, from a worker that lies
  std::set<std::string> names;
  const auto add = [&](const Type& one) {
    const DocumentedName inner = documented_at(one, classes, custom, depth + 1);
    out.nullable = out.nullable || inner.nullable || inner.name == "null";
    if (inner.alternatives.empty() && inner.name != "null") names.insert(inner.name);
    names.insert(inner.alternatives.begin(), inner.alternatives.end());
  };
  switch (type.kind) {
    case Type::Kind::none:
      out.name = "null";
      return out;
    case Type::Kind::tuple:
      out.name = "tuple";
      return out;
    case Type::Kind::named:
      out.name = of_class(type, classes, custom, depth);
      return out;
    case Type::Kind::literal:
      for (const auto& value : type.values) {
        const std::string name = class_of_literal(value);
        add(name == "NoneType" ? Type::none() : Type::of(name));
      }
      break;
    case Type::Kind::union_of:
      for (const Type& one : type.arguments) add(one);
      break;
    default:
      return out;
  }
  if (names == std::set<std::string>{"float", "integer"}) names = {"number"};
  if (names.size() == 1) {
    out.name = *names.begin();
  } else if (names.empty()) {
    out.name = "null";
  } else if (names.count("any") == 0) {
    out.alternatives.assign(names.begin(), names.end());
  }
  if (out.name == "null" || out.name == "any") out.nullable = out.nullable && out.name == "any";
  return out;
}

}  // namespace

DocumentedName documented(const Type& type, const Classes& classes, const CustomTypeOf& custom) {
  return documented_at(type, classes, custom, 0);
}

Type type_of_documented(std::string_view name) {
  if (name == "null") return Type::none();
  if (name == "number") {
    std::vector<Type> both;
    both.push_back(Type::of("int"));
    both.push_back(Type::of("float"));
    return Type::either(std::move(both));
  }
  if (name == "array") return Type::of("list");
  if (name == "object") return Type::of("dict");
  if (name == "tuple") {
    Type tuple;
    tuple.kind = Type::Kind::tuple;
    tuple.variadic = true;
    tuple.arguments = {Type::any()};
    return tuple;
  }
  if (name == "file" || name == "audio" || name == "video") {
    std::vector<Type> both;
    both.push_back(Type::of("bytes"));
    both.push_back(Type::of("pathlib.Path"));
    return Type::either(std::move(both));
  }
  for (const Row& row : kRows)
    if (row.documented == name) return Type::of(std::string(row.class_name));
  return {};
}

}  // namespace qflow::schema
