#include "schema/text/utf8.hpp"
#include "schema/typing/type.hpp"

#include <algorithm>

#include <boost/json/serialize.hpp>

namespace qflow::schema {
namespace {

constexpr int kMaxDepth = 24;
constexpr std::size_t kMaxParts = 4000;  // of one type
constexpr std::size_t kMaxClasses = 500;
constexpr std::size_t kMaxFields = 500;
constexpr std::size_t kMaxName = 300;

constexpr const char* kKinds[] = {"any", "never", "none", "class", "literal", "union", "tuple", "callable"};
constexpr const char* kForms[] = {"plain", "dataclass", "typed_dict", "named_tuple", "enum", "protocol", "model"};

std::string string_in(const json::object& object, const char* name, std::size_t most = kMaxName) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return cut(value->get_string(), most);
}

bool flag_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array* list_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

// Reads what a worker sent, within bounds that hold for all of it together.
class Reader {
 public:
  Type type(const json::value& from, int depth = 0) {
    Type out;
    if (from.is_string()) return Type::of(cut(from.get_string(), kMaxName));
    const json::object* object = from.if_object();
    if (object == nullptr || depth > kMaxDepth || ++parts_ > kMaxParts) return out;
    const std::string kind = string_in(*object, "kind");
    const auto* found = std::find(std::begin(kKinds), std::end(kKinds), kind);
    if (found == std::end(kKinds)) return out;
    out.kind = static_cast<Type::Kind>(found - std::begin(kKinds));
    out.name = string_in(*object, "name");
    out.variadic = flag_in(*object, "variadic");
    if (const auto* list = list_in(*object, "arguments"))
      for (const auto& one : *list) out.arguments.push_back(type(one, depth + 1));
    if (const auto* list = list_in(*object, "values"))
      for (const auto& one : *list)
        if (out.values.size() < kMaxFields) out.values.push_back(one);
    if (const json::value* limits = object->if_contains("limits"); limits != nullptr && limits->is_object())
      out.limits = limits->get_object();
    const bool wrong = (out.kind == Type::Kind::named && out.name.empty()) ||
                       (out.kind == Type::Kind::union_of && out.arguments.empty()) ||
                       (out.kind == Type::Kind::literal && out.values.empty()) ||
                       (out.kind == Type::Kind::tuple && out.variadic && out.arguments.size() != 1) ||
                       (out.kind == Type::Kind::callable && out.arguments.empty());
    return wrong ? Type::any() : out;
  }

  Field field(const json::object& from) {
    Field out;
    out.name = string_in(from, "name");
    if (const json::value* t = from.if_contains("type")) out.type = type(*t);
    out.required = flag_in(from, "required");
    out.read_only = flag_in(from, "read_only");
    out.method = flag_in(from, "method");
    out.init_only = flag_in(from, "init_only");
    out.computed = flag_in(from, "computed");
    out.description = string_in(from, "description", 2000);
    if (const json::value* initial = from.if_contains("default")) out.initial = *initial;
    return out;
  }

  ClassInfo info(const json::object& from) {
    ClassInfo out;
    const auto* form = std::find(std::begin(kForms), std::end(kForms), string_in(from, "form"));
    if (form != std::end(kForms)) out.form = static_cast<ClassInfo::Form>(form - std::begin(kForms));
    for (const char* name : {"bases", "parameters"})
      if (const auto* list = list_in(from, name))
        for (const auto& one : *list)
          if (one.is_string()) {
            auto& into = name == std::string_view("bases") ? out.bases : out.parameters;
            if (into.size() < 100) into.push_back(cut(one.get_string(), kMaxName));
          }
    if (const auto* list = list_in(from, "generic_bases"))
      for (const auto& one : *list)
        if (out.generic_bases.size() < 100) out.generic_bases.push_back(type(one));
    if (const auto* list = list_in(from, "fields"))
      for (const auto& one : *list)
        if (one.is_object() && out.fields.size() < kMaxFields) out.fields.push_back(field(one.get_object()));
    if (const auto* list = list_in(from, "members"))
      for (const auto& one : *list)
        if (const auto* pair = one.if_array();
            pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && out.members.size() < kMaxFields)
          out.members.emplace_back(std::string_view((*pair)[0].get_string()), (*pair)[1]);
    out.description = string_in(from, "description", 2000);
    if (const json::value* own = from.if_contains("json_schema"); own != nullptr && own->is_object())
      out.json_schema = own->get_object();
    return out;
  }

 private:
  std::size_t parts_ = 0;
};

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& one : list) out.push_back(json::value(one));
  return out;
}

json::object to_json(const Field& field) {
  json::object out{{"name", field.name}, {"type", to_json(field.type)}, {"required", field.required}};
  if (field.read_only) out["read_only"] = true;
  if (field.method) out["method"] = true;
  if (field.init_only) out["init_only"] = true;
  if (field.computed) out["computed"] = true;
  if (!field.description.empty()) out["description"] = field.description;
  if (field.initial) out["default"] = *field.initial;
  return out;
}

json::object to_json(const ClassInfo& info) {
  json::object out{{"form", kForms[static_cast<int>(info.form)]}};
  if (!info.bases.empty()) out["bases"] = texts(info.bases);
  if (!info.parameters.empty()) out["parameters"] = texts(info.parameters);
  json::array list;
  for (const Type& base : info.generic_bases) list.push_back(to_json(base));
  if (!list.empty()) out["generic_bases"] = std::move(list);
  json::array fields;
  for (const Field& field : info.fields) fields.push_back(to_json(field));
  if (!fields.empty()) out["fields"] = std::move(fields);
  json::array members;
  for (const auto& [name, value] : info.members) {
    json::array pair;
    pair.push_back(json::value(name));
    pair.push_back(value);
    members.push_back(std::move(pair));
  }
  if (!members.empty()) out["members"] = std::move(members);
  if (!info.description.empty()) out["description"] = info.description;
  if (!info.json_schema.empty()) out["json_schema"] = info.json_schema;
  return out;
}

// "nodes.read.Document" → "Document", "collections.abc.Sequence" → "Sequence"; other modules' names stay whole.
std::string_view shown_name(std::string_view name) {
  for (const std::string_view prefix : {"collections.abc.", "collections.", "typing."})
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  if (name.starts_with("nodes."))
    if (const auto dot = name.find('.', 6); dot != std::string_view::npos) return name.substr(dot + 1);
  return name;
}

std::string list_of(const std::vector<Type>& types, const char* between, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : between) + text(types[i]);
  return out;
}

std::string literal_text(const json::value& value) {
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.get_bool() ? "True" : "False";
  if (value.is_string()) {
    // Quoted as in Python, as far as it matters to a reader.
    std::string out = "'";
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : value.get_string()) {
      const auto u = static_cast<unsigned char>(c);
      if (c == '\'' || c == '\\') out += std::string("\\") + c;
      else if (c == '\n') out += "\\n";
      else if (c == '\t') out += "\\t";
      else if (u < 0x20) out += std::string("\\x") + kHex[u >> 4U] + kHex[u & 15U];
      else out += c;
    }
    return out + "'";
  }
  if (const json::object* member = value.if_object()) {
    if (member->contains("enum"))
      return std::string(shown_name(string_in(*member, "enum"))) + "." + string_in(*member, "name");
    return "b'" + string_in(*member, "bytes") + "'";
  }
  return json::serialize(value);
}

}  // namespace

Type Type::of(std::string class_name, std::vector<Type> given) {
  Type out;
  out.kind = Kind::named;
  out.name = std::move(class_name);
  out.arguments = std::move(given);
  return out;
}

Type Type::none() {
  Type out;
  out.kind = Kind::none;
  return out;
}

Type Type::either(std::vector<Type> alternatives) {
  Type out;
  out.kind = Kind::union_of;
  const auto add = [&](Type one) {
    if (std::find(out.arguments.begin(), out.arguments.end(), one) == out.arguments.end())
      out.arguments.push_back(std::move(one));
  };
  for (Type& one : alternatives) {
    if (one.kind == Kind::union_of && one.limits.empty())
      for (Type& inner : one.arguments) add(std::move(inner));
    else add(std::move(one));
  }
  if (out.arguments.size() == 1) return out.arguments.front();
  return out;
}

bool Type::operator==(const Type& other) const {
  return kind == other.kind && name == other.name && variadic == other.variadic && arguments == other.arguments &&
         values == other.values && limits == other.limits;
}

std::string text(const Type& type) {
  switch (type.kind) {
    case Type::Kind::any:
      return "Any";
    case Type::Kind::never:
      return "NoReturn";
    case Type::Kind::none:
      return "None";
    case Type::Kind::literal: {
      std::string out = "Literal[";
      for (const auto& value : type.values) out += (out.ends_with('[') ? "" : ", ") + literal_text(value);
      return out + "]";
    }
    case Type::Kind::union_of:
      return list_of(type.arguments, " | ", type.arguments.size());
    case Type::Kind::tuple:
      if (type.variadic) return "tuple[" + text(type.arguments.front()) + ", ...]";
      return "tuple[" + (type.arguments.empty() ? "()" : list_of(type.arguments, ", ", type.arguments.size())) + "]";
    case Type::Kind::callable:
      return "Callable[" +
             (type.variadic ? std::string("...")
                            : "[" + list_of(type.arguments, ", ", type.arguments.size() - 1) + "]") +
             ", " + text(type.arguments.back()) + "]";
    case Type::Kind::named:
      break;
  }
  std::string out(shown_name(type.name));
  if (!type.arguments.empty()) out += "[" + list_of(type.arguments, ", ", type.arguments.size()) + "]";
  return out;
}

json::value to_json(const Type& type) {
  const bool plain = type.arguments.empty() && type.values.empty() && !type.variadic && type.limits.empty();
  if (type.kind == Type::Kind::named && plain) return json::value(type.name);
  json::object out{{"kind", kKinds[static_cast<int>(type.kind)]}};
  if (!type.name.empty()) out["name"] = type.name;
  if (type.variadic) out["variadic"] = true;
  json::array arguments;
  for (const Type& argument : type.arguments) arguments.push_back(to_json(argument));
  if (!arguments.empty()) out["arguments"] = std::move(arguments);
  if (!type.values.empty()) out["values"] = json::array(type.values.begin(), type.values.end());
  if (!type.limits.empty()) out["limits"] = type.limits;
  return out;
}

Type type_from_json(const json::value& from) { return Reader().type(from); }

json::object to_json(const Classes& classes) {
  json::object out;
  for (const auto& [name, info] : classes) out[name] = to_json(info);
  return out;
}

Classes classes_from_json(const json::value& from) {
  Classes out;
  const json::object* object = from.if_object();
  if (object == nullptr) return out;
  for (const auto& [name, info] : *object)
    if (info.is_object() && name.size() <= kMaxName && out.size() < kMaxClasses)
      out.emplace(std::string(name), Reader().info(info.get_object()));
  return out;
}

std::string class_of_literal(const json::value& value) {
  if (value.is_null()) return "NoneType";
  if (value.is_bool()) return "bool";
  if (value.is_string()) return "str";
  if (const json::object* member = value.if_object())
    return member->contains("enum") ? string_in(*member, "enum") : "bytes";
  return "int";
}

}  // namespace qflow::schema
