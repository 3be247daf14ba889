#include "schema/description.hpp"

#include <algorithm>

#include <boost/json/value_from.hpp>

#include "schema/text/parse_json.hpp"
#include "schema/text/utf8.hpp"
#include "schema/typing/names.hpp"
#include "schema/typing/parse.hpp"

namespace qflow::schema {
namespace {

constexpr std::size_t kMost = 500;  // functions, ports, imports, findings: no real code has more
constexpr std::size_t kMostText = 4000;

std::string text_in(const json::object& object, const char* name, std::size_t most = kMostText) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return cut(value->get_string(), most);
}
bool flag_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}
std::int32_t number_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code error;
  const auto number = value == nullptr ? 0 : value->to_number<std::int32_t>(error);
  return error ? 0 : number;
}

// Calls fn(object) for each object of the list under `name`, up to the bound.
template <class F>
void each_object(const json::object& from, const char* name, F fn) {
  const json::value* list = from.if_contains(name);
  if (list == nullptr || !list->is_array()) return;
  std::size_t count = 0;
  for (const auto& one : list->get_array())
    if (one.is_object() && ++count <= kMost) fn(one.get_object());
}

std::vector<std::string> texts_in(const json::object& from, const char* name) {
  std::vector<std::string> out;
  const json::value* list = from.if_contains(name);
  if (list != nullptr && list->is_array())
    for (const auto& one : list->get_array())
      if (one.is_string() && out.size() < 50) out.push_back(cut(one.get_string(), 500));
  return out;
}

// Reads the types written in a module's text.
class StaticNames {
 public:
  explicit StaticNames(const json::object& analysed) {
    if (const json::value* map = analysed.if_contains("aliases"); map != nullptr && map->is_object())
      for (const auto& [name, full] : map->get_object())
        if (full.is_string()) aliases_.emplace(std::string(name), std::string_view(full.get_string()));
    if (const json::value* map = analysed.if_contains("classes"); map != nullptr && map->is_object())
      for (const auto& [name, info] : map->get_object()) own_.emplace_back(name);
  }

  static std::string own_name(std::string_view name) { return "nodes.node." + std::string(name); }

  std::optional<std::string> resolve(std::string_view written) const {
    if (std::find(own_.begin(), own_.end(), written) != own_.end()) return own_name(written);
    const auto dot = written.find('.');
    const auto alias = aliases_.find(std::string(written.substr(0, dot)));
    if (alias == aliases_.end()) return usual_name(written);
    const std::string full = alias->second + (dot == std::string_view::npos ? "" : std::string(written.substr(dot)));
    return usual_name(full).value_or(full);
  }

  Type type(const std::string& written) const {
    if (written.empty()) return {};
    ParsedType parsed = parse_type(written, [this](std::string_view name) { return resolve(name); });
    forget_unknown(parsed.type, parsed.unknown);
    return std::move(parsed.type);
  }

 private:
  static void forget_unknown(Type& type, const std::vector<std::string>& unknown) {
    if (type.kind == Type::Kind::named && std::find(unknown.begin(), unknown.end(), type.name) != unknown.end())
      type = Type::any();
    for (Type& argument : type.arguments) forget_unknown(argument, unknown);
  }
  std::map<std::string, std::string> aliases_;
  std::vector<std::string> own_;
};

ClassInfo static_class(const json::object& from, const StaticNames& names) {
  // The form and the members have the live format; the types are text here.
  json::object plain = from;
  plain.erase("fields");
  plain.erase("bases");
  json::object one;
  one["class"] = std::move(plain);
  ClassInfo out = std::move(classes_from_json(one)["class"]);
  if (const std::string base = text_in(from, "base"); !base.empty()) {
    // A name for another type.
    out.bases = {"NewType"};
    out.generic_bases = {names.type(base)};
    return out;
  }
  for (const std::string& base : texts_in(from, "bases"))
    if (const auto known = names.resolve(base)) out.bases.push_back(*known);
  each_object(from, "fields", [&](const json::object& field) {
    Field made;
    made.name = text_in(field, "name");
    made.type = names.type(text_in(field, "type"));
    made.required = flag_in(field, "required");
    if (const json::value* initial = field.if_contains("default")) made.initial = *initial;
    out.fields.push_back(std::move(made));
  });
  return out;
}

NodePort port_in(const json::object& from, Type type) {
  NodePort port;
  port.name = text_in(from, "name", 300);
  port.kind = text_in(from, "kind", 20);
  port.type = std::move(type);
  port.written = text_in(from, "type");
  port.required = flag_in(from, "required");
  if (const json::value* initial = from.if_contains("default")) port.initial = *initial;
  port.default_text = text_in(from, "default_text", 200);
  port.description = text_in(from, "description");
  return port;
}

NodeFunction static_function(const json::object& from, const StaticNames& names) {
  NodeFunction out;
  out.name = text_in(from, "name", 300);
  out.summary = text_in(from, "summary");
  out.description = text_in(from, "description");
  out.line = number_in(from, "line");
  out.more_positional = flag_in(from, "var_positional");
  out.more_named = flag_in(from, "var_keyword");
  out.positional_type = names.type(text_in(from, "positional_type"));
  out.named_type = names.type(text_in(from, "named_type"));
  out.is_async = flag_in(from, "is_async");
  out.is_generator = flag_in(from, "is_generator");
  out.is_wrapped = flag_in(from, "is_wrapped");
  each_object(from, "parameters",
              [&](const json::object& one) { out.inputs.push_back(port_in(one, names.type(text_in(one, "type")))); });
  out.output.name = "output";
  out.output.kind = "output";
  out.output.written = text_in(from, "returns");
  out.output.type = names.type(out.output.written);
  if (out.is_generator) {
    const Type of = out.output.type.arguments.empty() ? Type::any() : out.output.type.arguments.front();
    out.output.type = Type::of("list", {of});
  }
  out.output.description = text_in(from, "returns_description");
  return out;
}

json::object to_json(const NodePort& port) {
  json::object out{{"name", port.name},
                   {"kind", port.kind},
                   {"type", port.written},
                   {"shape", to_json(port.type)},
                   {"required", port.required}};
  if (port.initial) out["default"] = *port.initial;
  if (!port.default_text.empty()) out["default_text"] = port.default_text;
  if (!port.description.empty()) out["description"] = port.description;
  return out;
}

Type shape_in(const json::object& from, const char* name) {
  const json::value* shape = from.if_contains(name);
  return shape == nullptr ? Type::any() : type_from_json(*shape);
}

NodePort port_from_json(const json::object& from) { return port_in(from, shape_in(from, "shape")); }

json::object to_json(const NodeFunction& function) {
  json::array inputs;
  for (const NodePort& port : function.inputs) inputs.push_back(to_json(port));
  return {{"name", function.name},
          {"summary", function.summary},
          {"description", function.description},
          {"inputs", std::move(inputs)},
          {"output", to_json(function.output)},
          {"var_positional", function.more_positional},
          {"var_keyword", function.more_named},
          {"positional_shape", to_json(function.positional_type)},
          {"named_shape", to_json(function.named_type)},
          {"is_async", function.is_async},
          {"is_generator", function.is_generator},
          {"is_wrapped", function.is_wrapped},
          {"line", function.line}};
}

NodeImport import_in(const json::object& from) {
  return {text_in(from, "module", 300), number_in(from, "line"),  flag_in(from, "optional"),      flag_in(from, "top"),
          flag_in(from, "standard"),    flag_in(from, "present"), texts_in(from, "distributions")};
}

NodeFinding finding_in(const json::object& from) {
  return {text_in(from, "code", 50), text_in(from, "message", 500), number_in(from, "line"),
          text_in(from, "needs", 20)};
}

std::vector<std::string> first_texts(const std::vector<std::string>& hostile) {
  std::vector<std::string> out;
  for (const std::string& one : hostile)
    if (out.size() < 20) out.push_back(cut(one, 500));
  return out;
}

// As pyhost/node chooses, without the file's name: `main`, the only function that the others do not use. With neither,
// the first.
std::string static_choice(const json::object& from, const std::vector<NodeFunction>& functions) {
  const std::vector<std::string> unused = texts_in(from, "unused");
  for (const NodeFunction& one : functions)
    if (one.name == "main") return one.name;
  if (unused.size() == 1) return unused.front();
  return functions.empty() ? "" : functions.front().name;
}

void read_scans(const json::object& from, NodeDescription& into) {
  each_object(from, "imports", [&](const json::object& one) { into.imports.push_back(import_in(one)); });
  each_object(from, "findings", [&](const json::object& one) { into.findings.push_back(finding_in(one)); });
}

}  // namespace

const NodeFunction* NodeDescription::find(std::string_view name) const {
  if (name.empty()) name = function;
  for (const NodeFunction& one : functions)
    if (one.name == name) return &one;
  return nullptr;
}

bool take_analysed(std::string_view text, NodeDescription& into) {
  std::string error;
  const json::value value = parse_json(text, error, 64);
  const json::object* object = value.if_object();
  if (object == nullptr) return false;
  const StaticNames names(*object);
  if (const json::value* classes = object->if_contains("classes"); classes != nullptr && classes->is_object())
    for (const auto& [name, info] : classes->get_object())
      if (info.is_object() && into.classes.size() < kMost)
        into.classes.emplace(StaticNames::own_name(name), static_class(info.get_object(), names));
  each_object(*object, "functions",
              [&](const json::object& one) { into.functions.push_back(static_function(one, names)); });
  into.function = static_choice(*object, into.functions);
  read_scans(*object, into);
  into.source = "static";
  return true;
}

NodeFunction function_of(const Function& function) {
  NodeFunction out;
  out.name = cut(function.name, 300);
  out.summary = function.summary.value_or("");
  out.description = function.description.value_or("");
  out.more_positional = function.var_positional;
  out.more_named = function.var_keyword;
  if (function.positional_shape) out.positional_type = type_from_json(*function.positional_shape);
  if (function.named_shape) out.named_type = type_from_json(*function.named_shape);
  out.is_async = function.is_async.value_or(false);
  out.is_generator = function.is_generator.value_or(false);
  out.is_wrapped = function.is_wrapped.value_or(false);
  out.line = function.line.value_or(0);
  for (const Parameter& parameter : function.parameters) {
    if (out.inputs.size() == kMost) break;
    NodePort port;
    port.name = parameter.name;
    port.kind = parameter.kind;
    if (parameter.shape) port.type = type_from_json(*parameter.shape);
    port.written = cut(parameter.type, kMostText);
    port.required = parameter.required;
    port.initial = parameter.initial;
    port.default_text = parameter.default_text.value_or("");
    port.description = cut(parameter.description.value_or(""), kMostText);
    out.inputs.push_back(std::move(port));
  }
  out.output.name = "output";
  out.output.kind = "output";
  if (function.returns_shape) out.output.type = type_from_json(*function.returns_shape);
  out.output.written = cut(function.returns, kMostText);
  out.output.description = cut(function.returns_description.value_or(""), kMostText);
  return out;
}

void take_loaded(const Loaded& loaded, NodeDescription& into) {
  into.source = "live";
  into.functions.clear();
  for (const Function& function : loaded.functions)
    if (into.functions.size() < kMost) into.functions.push_back(function_of(function));
  // When it cannot be told which one a node calls (a warning says so), the first one shows.
  into.function = loaded.function.empty() && !into.functions.empty() ? into.functions.front().name : loaded.function;
  into.classes = loaded.classes ? classes_from_json(*loaded.classes) : Classes{};
  into.warnings = first_texts(loaded.warnings);
  into.unresolved = first_texts(loaded.unresolved.value_or(std::vector<std::string>()));
}

json::object to_json(const NodeDescription& d) {
  json::array functions, imports, findings;
  for (const auto& one : d.functions) functions.push_back(to_json(one));
  for (const auto& one : d.imports) {
    json::array distributions;
    for (const auto& name : one.distributions) distributions.push_back(json::value(name));
    imports.push_back(json::object{{"module", one.module},
                                   {"line", one.line},
                                   {"optional", one.optional},
                                   {"top", one.top},
                                   {"standard", one.standard},
                                   {"present", one.present},
                                   {"distributions", std::move(distributions)}});
  }
  for (const auto& one : d.findings)
    findings.push_back(
        json::object{{"code", one.code}, {"message", one.message}, {"line", one.line}, {"needs", one.needs}});
  return {{"source", d.source},
          {"function", d.function},
          {"functions", std::move(functions)},
          {"classes", to_json(d.classes)},
          {"imports", std::move(imports)},
          {"findings", std::move(findings)},
          {"warnings", json::value_from(d.warnings)},
          {"unresolved", json::value_from(d.unresolved)},
          {"error", d.error},
          {"error_line", d.error_line}};
}

NodeDescription description_from_json(const json::value& from) {
  NodeDescription out;
  const json::object* object = from.if_object();
  if (object == nullptr) return out;
  out.source = text_in(*object, "source", 20);
  out.function = text_in(*object, "function", 300);
  each_object(*object, "functions", [&](const json::object& one) {
    NodeFunction function;
    function.name = text_in(one, "name", 300);
    function.summary = text_in(one, "summary");
    function.description = text_in(one, "description");
    function.more_positional = flag_in(one, "var_positional");
    function.more_named = flag_in(one, "var_keyword");
    function.positional_type = shape_in(one, "positional_shape");
    function.named_type = shape_in(one, "named_shape");
    function.is_async = flag_in(one, "is_async");
    function.is_generator = flag_in(one, "is_generator");
    function.is_wrapped = flag_in(one, "is_wrapped");
    function.line = number_in(one, "line");
    each_object(one, "inputs", [&](const json::object& port) { function.inputs.push_back(port_from_json(port)); });
    if (const json::value* output = one.if_contains("output"); output != nullptr && output->is_object())
      function.output = port_from_json(output->get_object());
    out.functions.push_back(std::move(function));
  });
  if (const json::value* classes = object->if_contains("classes")) out.classes = classes_from_json(*classes);
  read_scans(*object, out);
  out.warnings = texts_in(*object, "warnings");
  out.unresolved = texts_in(*object, "unresolved");
  out.error = text_in(*object, "error");
  out.error_line = number_in(*object, "error_line");
  return out;
}

}  // namespace qflow::schema
