#include "tests/support/contract.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <regex>
#include <vector>

namespace qflow::test {
namespace {

namespace json = boost::json;

std::vector<std::string> split(std::string path) {
  for (const char* scheme : {"http://", "https://"})
    if (path.starts_with(scheme)) path = path.substr(path.find('/', 8));
  path = path.substr(0, path.find('?'));
  std::vector<std::string> parts;
  for (std::size_t at = 1; at <= path.size();) {
    const auto slash = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  if (parts.size() > 2 && parts[0] == "api" && parts[1] == "v1") parts.erase(parts.begin(), parts.begin() + 2);
  return parts;
}

// The number of literal segments that matched; -1: another path.
int match(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  int literal = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].ends_with("*}")) return path.size() > i ? literal : -1;
    if (i >= path.size()) return -1;
    if (pattern[i].starts_with('{')) continue;
    if (pattern[i] != path[i]) return -1;
    ++literal;
  }
  return pattern.size() == path.size() ? literal : -1;
}

std::string type_name(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_int64() || value.is_uint64()) return "integer";
  if (value.is_double()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

bool is_of(const std::string& wanted, const json::value& value) {
  const std::string is = type_name(value);
  if (is == wanted || (wanted == "number" && is == "integer")) return true;
  return wanted == "integer" && value.is_double() && std::floor(value.get_double()) == value.get_double();
}

std::string text(const json::value& value) { return std::string(std::string_view(value.as_string())); }

}  // namespace

Contract::Contract(const std::string& description) : document_(json::parse(description)) {}

const json::object* Contract::operation(const std::string& method, const std::string& target, bool& path_known) const {
  std::string key = method == "HEAD" ? "get" : method;
  for (char& c : key) c = static_cast<char>(std::tolower(c));
  const auto path = split(target);
  const json::object* found = nullptr;
  int best = -1;
  for (const auto& [pattern, item] : document_.at("paths").as_object()) {
    const int literal = match(split(std::string(pattern)), path);
    if (literal < 0) continue;
    path_known = true;
    const json::value* one = item.as_object().if_contains(key);
    if (one == nullptr || literal <= best) continue;
    best = literal;
    found = &one->as_object();
  }
  return found;
}

const json::value& Contract::resolve(const json::value& value) const {
  const json::value* at = &value;
  while (at->is_object() && at->get_object().contains("$ref")) {
    const std::string ref = text(at->get_object().at("$ref"));
    at = &document_.at_pointer(ref.substr(1));
  }
  return *at;
}

std::string Contract::object_problem(const json::object& schema, const json::object& value,
                                     const std::string& at) const {
  if (const json::value* required = schema.if_contains("required"))
    for (const auto& name : required->as_array())
      if (!value.contains(name.as_string())) return fmt::format("{}: \"{}\" is missing", at, text(name));
  const json::value* properties = schema.if_contains("properties");
  const json::value* additional = schema.if_contains("additionalProperties");
  for (const auto& [key, member] : value) {
    const std::string where = at + "/" + std::string(key);
    const json::value* own = properties == nullptr ? nullptr : properties->as_object().if_contains(key);
    std::string wrong;
    if (own != nullptr) wrong = problem(*own, member, where);
    else if (additional != nullptr && additional->is_bool() && !additional->get_bool())
      wrong = where + ": is not described";
    else if (additional != nullptr && additional->is_object()) wrong = problem(*additional, member, where);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string Contract::problem(const json::value& given, const json::value& value, const std::string& at) const {
  const json::object& schema = resolve(given).as_object();
  if (const json::value* type = schema.if_contains("type")) {
    bool fits = false;
    if (type->is_string()) fits = is_of(text(*type), value);
    else
      for (const auto& one : type->as_array()) fits = fits || is_of(text(one), value);
    if (!fits) return fmt::format("{}: is {}, expected {}", at, type_name(value), json::serialize(*type));
  }
  if (const json::value* constant = schema.if_contains("const"); constant != nullptr && *constant != value)
    return fmt::format("{}: is not {}", at, json::serialize(*constant));
  if (const json::value* choices = schema.if_contains("enum")) {
    const auto& list = choices->as_array();
    if (std::find(list.begin(), list.end(), value) == list.end())
      return fmt::format("{}: {} is not one of {}", at, json::serialize(value), json::serialize(list));
  }
  const auto bound = [&](const char* name) {
    const json::value* b = schema.if_contains(name);
    return b == nullptr ? std::nan("") : b->to_number<double>();
  };
  if (value.is_number() &&
      (value.to_number<double>() < bound("minimum") || value.to_number<double>() > bound("maximum")))
    return at + ": is out of its range";
  if (value.is_string()) {
    const std::string own = text(value);
    const auto length = static_cast<double>(own.size());
    if (length < bound("minLength") || length > bound("maxLength")) return at + ": has a wrong length";
    static const std::regex kTime("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z");
    const json::value* format = schema.if_contains("format");
    if (format != nullptr && *format == "date-time" && !std::regex_match(own, kTime))
      return at + ": is not a time: " + own;
    if (const json::value* pattern = schema.if_contains("pattern");
        pattern != nullptr && !std::regex_search(own, std::regex(text(*pattern))))
      return at + ": does not match its pattern";
  }
  for (const char* name : {"allOf", "anyOf"}) {
    const json::value* list = schema.if_contains(name);
    if (list == nullptr) continue;
    std::string first;
    bool one_fits = false;
    for (const auto& one : list->as_array()) {
      const std::string wrong = problem(one, value, at);
      if (wrong.empty()) one_fits = true;
      else if (first.empty()) first = wrong;
    }
    if (!first.empty() && (name == std::string_view("allOf") || !one_fits)) return first;
  }
  if (value.is_array()) {
    if (static_cast<double>(value.get_array().size()) < bound("minItems")) return at + ": has too few elements";
    if (const json::value* items = schema.if_contains("items"))
      for (std::size_t i = 0; i < value.get_array().size(); ++i)
        if (const std::string wrong = problem(*items, value.get_array()[i], fmt::format("{}/{}", at, i));
            !wrong.empty())
          return wrong;
  }
  return value.is_object() ? object_problem(schema, value.get_object(), at) : std::string();
}

std::string Contract::check(const std::string& method, const std::string& target, int status,
                            const std::string& content_type, const std::string& body) const {
  const std::string line = fmt::format("{} {} → {}", method, target.substr(0, 200), status);
  bool path_known = false;
  const json::object* described = operation(method, target, path_known);
  if (described == nullptr)
    return status == (path_known ? 405 : 404) || status == 403 || status == 400 ||
                   (method == "OPTIONS" && status == 204)
               ? ""
               : line + ": is not described";
  const json::object& responses = described->at("responses").as_object();
  const json::value* response = responses.if_contains(std::to_string(status));
  if (response == nullptr) response = responses.if_contains(fmt::format("{}XX", status / 100));
  if (response == nullptr && status >= 400) response = responses.if_contains("default");
  if (response == nullptr) return line + ": this status is not described";
  const json::value* content = resolve(*response).as_object().if_contains("content");
  if (content == nullptr || method == "HEAD") return {};
  const std::string media = content_type.substr(0, content_type.find(';'));
  const json::value* form = content->as_object().if_contains(media);
  if (form == nullptr) form = content->as_object().if_contains("*/*");
  if (form == nullptr) return line + ": its content type is not described: " + content_type;
  if (media != "application/json") return {};
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 300;
  const json::value value = json::parse(body, error, {}, options);
  if (error) return line + ": is not JSON";
  const std::string wrong = problem(form->at("schema"), value, "");
  return wrong.empty() ? "" : fmt::format("{}: {}: {}", line, wrong, body.substr(0, 500));
}

}  // namespace qflow::test
