#include "daemon/flow/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/base64.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"
#include "daemon/base/text.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/typing/json_schema.hpp"

namespace qflow::flow {
namespace {

using schema::Type;

std::string signature_of(const schema::Function& function) {
  std::string text;
  for (const auto& p : function.parameters) text += (text.empty() ? "" : ", ") + p.name;
  return function.name + "(" + text + ")";
}

// The type of the parameter that the input's member `name` goes to; any when nothing says so.
Type type_for(const Plan& plan, const std::vector<const schema::Function*>& functions, const std::string& name) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_entry(plan.steps[i])) continue;
    for (const auto& p : functions[i]->parameters)
      if (p.name == name) return p.shape ? schema::type_from_json(*p.shape) : Type::any();
  }
  return Type::any();
}

bool any_of_type(const Type& type, bool (*wanted)(const Type&)) {
  if (type.kind == Type::Kind::union_of)
    return std::any_of(type.arguments.begin(), type.arguments.end(),
                       [&](const Type& one) { return any_of_type(one, wanted); });
  return wanted(type);
}

bool is_path(const Type& type) { return type.name.starts_with("pathlib.") || type.is("os.PathLike"); }
bool is_bytes(const Type& type) { return type.is("bytes") || type.is("bytearray"); }

// Types whose values are written as text: `12345` for a str is its text, not a number.
bool is_written(const Type& type) {
  if (type.kind == Type::Kind::literal)
    return std::any_of(type.values.begin(), type.values.end(), [](const json::value& one) { return one.is_string(); });
  for (const char* prefix : {"datetime.", "pathlib.", "uuid.", "ipaddress.", "decimal.", "fractions."})
    if (type.name.starts_with(prefix)) return true;
  return type.is("str") || is_bytes(type);
}

// What qflow.convert takes for a bool, too.
std::optional<bool> from_word(const std::string& given) {
  const std::string word = lower_case(given);
  for (const char* yes : {"true", "yes", "on"})
    if (word == yes) return true;
  for (const char* no : {"false", "no", "off"})
    if (word == no) return false;
  return std::nullopt;
}

json::value from_text(const std::string& text, const Type& type) {
  if (any_of_type(type, is_written)) return json::value(json::string(text));
  if (any_of_type(type, [](const Type& one) { return one.is("bool"); }))
    if (const auto truth = from_word(text)) return json::value(*truth);
  std::string error;
  json::value value = schema::parse_json(text, error, 128);
  return error.empty() ? value : json::value(json::string(text));
}

json::value from_file(const std::string& name, const GivenInputs::File& file, const Type& type) {
  if (any_of_type(type, is_path))
    return json::value(json::string(std::string(schema::kInputDirectory) + "/" + file.name));
  if (any_of_type(type, is_bytes)) return json::value(json::string(base64(file.bytes)));
  if (!file.is_text)
    throw Fault(
        FaultKind::bad_input, "not_text",
        fmt::format("input '{}': the file {} is not UTF-8 text; annotate the parameter as pathlib.Path or bytes "
                    "to get it as it is",
                    name, file.name));
  return from_text(without_mark(file.bytes), type.kind == Type::Kind::any ? Type::of("str") : type);
}

}  // namespace

bool is_entry(const Step& step) {
  return std::none_of(step.sources.begin(), step.sources.end(),
                      [](const Source& s) { return s.step.has_value() && !s.closes; });
}

void require_known_inputs(const Plan& plan, const std::vector<const schema::Function*>& functions,
                          const json::value& input, InputRules rules) {
  const json::object* object = input.if_object();
  if (object == nullptr || rules == InputRules::open) return;
  std::vector<std::string> names;
  std::string takers;
  bool anything = false;  // some function has **kwargs
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_entry(plan.steps[i])) continue;
    takers += (takers.empty() ? "" : ", ") + signature_of(*functions[i]);
    anything = anything || functions[i]->var_keyword;
    for (const auto& p : functions[i]->parameters) names.push_back(p.name);
  }
  if (anything) return;
  // One look for each member: an input may have a million.
  const std::set<std::string_view> known(names.begin(), names.end());
  const auto is_known = [&](const auto& member) { return known.count(std::string_view(member.key())) != 0; };
  const auto first = std::find_if_not(object->begin(), object->end(), is_known);
  if (first == object->end()) return;
  if (rules == InputRules::whole && std::none_of(object->begin(), object->end(), is_known)) return;
  const std::string name(first->key());
  throw Fault(FaultKind::bad_input, "unknown_input",
              fmt::format("no function takes the input '{}'{}; the input goes to {}", name, did_you_mean(name, names),
                          takers.empty() ? "nothing" : takers));
}

json::value settled_input(const Plan& plan, const std::vector<const schema::Function*>& functions,
                          const json::value& input, const GivenInputs& given) {
  json::value out = input;
  json::object* object = out.if_object();
  if (object == nullptr) return out;  // nothing in it has a name
  for (auto& [key, value] : *object) {
    const std::string name(key);
    const auto file = given.files.find(name);
    if (file != given.files.end()) value = from_file(name, file->second, type_for(plan, functions, name));
    else if (given.texts.count(name) != 0 && value.is_string())
      value = from_text(std::string(std::string_view(value.get_string())), type_for(plan, functions, name));
  }
  return out;
}

}  // namespace qflow::flow
