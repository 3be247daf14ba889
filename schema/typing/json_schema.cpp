#include "schema/typing/json_schema.hpp"

#include <algorithm>

namespace qflow::schema {
namespace {

using Kind = Type::Kind;

json::object typed(const char* name) { return {{"type", name}}; }

// The schema of Python's own scalar classes: integers, text and so on.
std::optional<json::object> of_scalar(std::string_view name) {
  if (name == "str") return typed("string");
  if (name == "int") return typed("integer");
  if (name == "float" || name == "numbers.Number" || name == "numbers.Real") return typed("number");
  if (name == "bool") return typed("boolean");
  if (name == "bytes" || name == "bytearray") return json::object{{"type", "string"}, {"contentEncoding", "base64"}};
  if (name == "decimal.Decimal") return json::object{{"type", json::array{"string", "number"}}, {"format", "decimal"}};
  if (name == "fractions.Fraction" || name == "complex") return json::object{{"type", json::array{"string", "number"}}};
  if (name == "datetime.datetime") return json::object{{"type", "string"}, {"format", "date-time"}};
  if (name == "datetime.date") return json::object{{"type", "string"}, {"format", "date"}};
  if (name == "datetime.time") return json::object{{"type", "string"}, {"format", "time"}};
  if (name == "datetime.timedelta") return json::object{{"type", "number"}, {"title", "seconds"}};
  if (name == "uuid.UUID") return json::object{{"type", "string"}, {"format", "uuid"}};
  if (name.starts_with("pathlib.")) return json::object{{"type", "string"}, {"format", "path"}};
  if (name == "pandas.DataFrame") return json::object{{"type", "array"}, {"items", typed("object")}, {"title", "rows"}};
  if (name == "numpy.ndarray" || name == "torch.Tensor") return typed("array");
  return std::nullopt;
}

constexpr std::string_view kLists[] = {"list",
                                       "collections.deque",
                                       "collections.abc.Sequence",
                                       "collections.abc.MutableSequence",
                                       "collections.abc.Iterable",
                                       "collections.abc.Iterator",
                                       "collections.abc.Collection",
                                       "collections.abc.Generator",
                                       "collections.abc.AsyncIterator",
                                       "collections.abc.AsyncGenerator",
                                       "collections.abc.AsyncIterable",
                                       "collections.abc.Reversible"};
constexpr std::string_view kSets[] = {"set", "frozenset", "collections.abc.Set", "collections.abc.MutableSet"};
constexpr std::string_view kMappings[] = {"dict",
                                          "collections.defaultdict",
                                          "collections.OrderedDict",
                                          "collections.Counter",
                                          "collections.abc.Mapping",
                                          "collections.abc.MutableMapping"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

json::value shown_literal(const json::value& value, const Classes& classes) {
  const json::object* member = value.if_object();
  if (member == nullptr) return value;
  if (const json::value* owner = member->if_contains("enum"); owner != nullptr && owner->is_string())
    if (const auto found = classes.find(std::string_view(owner->get_string())); found != classes.end())
      for (const auto& [name, of_member] : found->second.members)
        if (member->at("name") == json::value(name)) return of_member;
  if (const json::value* name = member->if_contains("name")) return *name;
  return member->contains("bytes") ? member->at("bytes") : value;
}

// {"type": "integer"} or null → {"type": ["integer", "null"]}; anything richer uses anyOf.
json::object or_null(json::object schema) {
  if (json::value* type = schema.if_contains("type");
      type != nullptr && type->is_string() && !schema.contains("enum")) {
    json::array both;
    both.push_back(*type);
    both.push_back("null");
    *type = std::move(both);
    return schema;
  }
  if (schema.empty()) return schema;
  json::array any_of;
  any_of.push_back(std::move(schema));
  any_of.push_back(typed("null"));
  return {{"anyOf", std::move(any_of)}};
}

// A model's own schema keeps its definitions; rewrites references to them for the place where the schema will stand.
void move_references(json::value& schema, const std::string& below) {
  if (json::array* list = schema.if_array()) {
    for (json::value& one : *list) move_references(one, below);
  } else if (json::object* object = schema.if_object()) {
    for (auto& [key, value] : *object) {
      if (key == "$ref" && value.is_string()) {
        const std::string_view target = value.get_string();
        for (const std::string_view prefix : {"#/$defs/", "#/definitions/"})
          if (target.starts_with(prefix)) {
            value = below + std::string(target.substr(1));
            break;
          }
      } else {
        move_references(value, below);
      }
    }
  }
}

// pydantic 1 does not mention None for Optional fields.
void allow_null(json::object& model, const ClassInfo& info) {
  json::value* properties = model.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return;
  for (const Field& field : info.fields) {
    const bool nullable =
        field.type.kind == Kind::union_of && std::any_of(field.type.arguments.begin(), field.type.arguments.end(),
                                                         [](const Type& one) { return one.kind == Kind::none; });
    json::value* property = properties->get_object().if_contains(field.name);
    if (nullable && property != nullptr && property->is_object() && !property->get_object().contains("anyOf"))
      *property = or_null(std::move(property->get_object()));
  }
}

}  // namespace

json::object SchemaWriter::collection(const char* type, const Type& from, std::size_t index) {
  json::object out = typed(type);
  if (from.arguments.size() > index && from.arguments[index].kind != Kind::any)
    out[type == std::string_view("object") ? "additionalProperties" : "items"] = schema_of(from.arguments[index]);
  return out;
}

std::string SchemaWriter::new_name(const std::string& class_name) {
  int& count = used_names_[class_name];
  std::string out;
  do {
    out = ++count == 1 ? class_name : class_name + std::to_string(count);
  } while (definitions_.contains(out));
  return out;
}

json::object SchemaWriter::of_class(const Type& type) {
  if (auto scalar = of_scalar(type.name)) return std::move(*scalar);
  if (among(kLists, type.name)) return collection("array", type, 0);
  if (among(kSets, type.name)) {
    json::object out = collection("array", type, 0);
    out["uniqueItems"] = true;
    return out;
  }
  if (among(kMappings, type.name)) {
    json::object out = collection("object", type, 1);
    if (type.name == "collections.Counter") out["additionalProperties"] = typed("integer");
    if (!type.arguments.empty() && type.arguments.front().is("int"))
      out["propertyNames"] = json::object{{"pattern", "^-?[0-9]+$"}};
    return out;
  }
  const auto found = classes_.find(type.name);
  if (found == classes_.end()) return {};
  const std::string full = text(type) + " " + type.name;
  if (const auto known = names_.find(full); known != names_.end()) return {{"$ref", "#/$defs/" + known->second}};
  const ClassInfo& info = found->second;
  if (info.form == ClassInfo::Form::plain && info.generic_bases.size() == 1 &&
      std::find(info.bases.begin(), info.bases.end(), "NewType") != info.bases.end()) {
    json::object out = schema_of(info.generic_bases.front());
    out["title"] = text(type);
    return out;
  }
  if (info.form == ClassInfo::Form::plain || info.form == ClassInfo::Form::protocol) return {};
  const std::string name = new_name(type.name.substr(type.name.rfind('.') + 1));
  names_[full] = name;
  definitions_[name] = nullptr;  // reserves the name: the class may mention itself
  json::object made = definition_of(type, info);
  if (info.form == ClassInfo::Form::model && !info.json_schema.empty()) {
    json::value own(info.json_schema);
    move_references(own, "#/$defs/" + name);
    made = own.get_object();
    allow_null(made, info);
  }
  definitions_[name] = std::move(made);
  return {{"$ref", "#/$defs/" + name}};
}

json::object SchemaWriter::definition_of(const Type& type, const ClassInfo& info) {
  json::object out{{"title", text(type)}};
  if (!info.description.empty()) out["description"] = info.description;
  const bool flags = std::any_of(info.bases.begin(), info.bases.end(),
                                 [](const std::string& base) { return base == "enum.Flag" || base == "enum.IntFlag"; });
  if (info.form == ClassInfo::Form::enumeration && flags) {
    out["type"] = "integer";  // any combination of its members
    return out;
  }
  if (info.form == ClassInfo::Form::enumeration) {
    json::array values, names;
    for (const auto& [name, value] : info.members) {
      // A member whose value JSON cannot express is chosen by its name.
      values.push_back(value.is_null() ? json::value(name) : value);
      names.push_back(json::value(name));
    }
    out["enum"] = std::move(values);
    out["x-enum-names"] = std::move(names);
    return out;
  }
  if (info.form == ClassInfo::Form::named_tuple) {
    json::array items;
    for (const Field& field : info.fields) {
      json::object one = schema_of(field.type);
      one["title"] = field.name;
      items.push_back(std::move(one));
    }
    out["type"] = "array";
    out["minItems"] =
        std::count_if(info.fields.begin(), info.fields.end(), [](const Field& one) { return one.required; });
    out["maxItems"] = items.size();
    out["prefixItems"] = std::move(items);
    return out;
  }
  json::object properties;
  json::array required;
  for (const Field& field : fields_of(type, info, classes_, looks_)) {
    if (field.method || field.computed) continue;
    json::object one = schema_of(field.type);
    if (!field.description.empty()) one["description"] = field.description;
    if (field.initial) one["default"] = *field.initial;
    properties[field.name] = std::move(one);
    if (field.required) required.push_back(json::value(field.name));
  }
  out["type"] = "object";
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  if (looks_ > 0) out["additionalProperties"] = false;
  return out;
}

json::object SchemaWriter::schema_of(const Type& type) {
  if (--budget_ <= 0 || depth_ > 64) return {};
  ++depth_;
  json::object out = write(type);
  --depth_;
  return out;
}

json::object SchemaWriter::write(const Type& type) {
  json::object out;
  switch (type.kind) {
    case Kind::any:
    case Kind::callable:
      break;
    case Kind::never:
      out["not"] = json::object();
      break;
    case Kind::none:
      out = typed("null");
      break;
    case Kind::literal: {
      json::array values;
      for (const auto& value : type.values) values.push_back(shown_literal(value, classes_));
      if (values.size() == 1) out["const"] = values.front();
      else out["enum"] = std::move(values);
      break;
    }
    case Kind::union_of: {
      bool nullable = false;
      json::array any_of;
      bool numbers = true;
      for (const Type& one : type.arguments) {
        if (one.kind == Kind::none) {
          nullable = true;
          continue;
        }
        numbers = numbers && (one.is("int") || one.is("float")) && one.limits.empty();
        any_of.push_back(schema_of(one));
      }
      const bool free =
          std::any_of(any_of.begin(), any_of.end(), [](const json::value& one) { return one.get_object().empty(); });
      if (free) break;  // one alternative takes anything
      if (any_of.size() == 1) out = std::move(any_of.front().get_object());
      else if (numbers && !any_of.empty()) out = typed("number");
      else out["anyOf"] = std::move(any_of);
      if (nullable) out = or_null(std::move(out));
      break;
    }
    case Kind::tuple: {
      out = typed("array");
      if (type.variadic) {
        if (type.arguments.front().kind != Kind::any) out["items"] = schema_of(type.arguments.front());
        break;
      }
      json::array items;
      for (const Type& one : type.arguments) items.push_back(schema_of(one));
      out["minItems"] = items.size();
      out["maxItems"] = items.size();
      if (!items.empty()) out["prefixItems"] = std::move(items);
      break;
    }
    case Kind::named:
      out = of_class(type);
      break;
  }
  for (const auto& [word, value] : type.limits) out[word] = value;
  return out;
}

json::object SchemaWriter::finish(json::object root) const {
  json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}};
  for (auto& [key, value] : root) out[key] = std::move(value);
  if (!definitions_.empty()) out["$defs"] = definitions_;
  return out;
}

}  // namespace qflow::schema
