#include "schema/documented_types.hpp"
#include "schema/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

namespace qflow::schema {
namespace {

namespace json = boost::json;

struct Row {
  std::string_view source;
  std::vector<std::string_view> targets;
};

// types.md 2: not transitive, not symmetric. `any` on either side fits.
const std::vector<Row>& matrix() {
  static const std::vector<Row> kRows{{"string", {"string"}},
                                      {"number", {"number", "integer", "float"}},
                                      {"integer", {"integer", "number"}},
                                      {"float", {"float", "number"}},
                                      {"boolean", {"boolean"}},
                                      {"null", {"null"}},
                                      {"list", {"list", "array"}},
                                      {"array", {"array", "list"}},
                                      {"tuple", {"tuple", "list", "array"}},
                                      {"set", {"set", "list", "array"}},
                                      {"dict", {"dict", "object"}},
                                      {"object", {"object", "dict"}},
                                      {"file", {"file"}},
                                      {"image", {"image", "file"}},
                                      {"audio", {"audio", "file"}},
                                      {"video", {"video", "file"}},
                                      {"dataframe", {"dataframe", "object"}},
                                      {"tensor", {"tensor", "numpy_array"}},
                                      {"numpy_array", {"numpy_array", "tensor"}}};
  return kRows;
}

struct Method {
  std::string_view source, target, text;
};

// Pairs that fit but convert the object on the way (types.md 3), and conversions for pairs that do not fit.
constexpr std::array kMethods{Method{"tuple", "list", "list()"},
                              Method{"tuple", "array", "list()"},
                              Method{"set", "list", "list()"},
                              Method{"set", "array", "list()"},
                              Method{"tensor", "numpy_array", "numpy()"},
                              Method{"numpy_array", "tensor", "torch.from_numpy()"},
                              Method{"number", "integer", "int()"},
                              Method{"string", "number", "float()"},
                              Method{"string", "float", "float()"},
                              Method{"string", "integer", "int()"},
                              Method{"number", "string", "str()"},
                              Method{"integer", "string", "str()"},
                              Method{"float", "string", "str()"},
                              Method{"boolean", "string", "str()"},
                              Method{"float", "integer", "int()"},
                              Method{"integer", "float", "float()"},
                              Method{"list", "dict", "dict()"},
                              Method{"dict", "list", "list()"},
                              Method{"list", "tuple", "tuple()"},
                              Method{"list", "set", "set()"},
                              Method{"array", "dict", "dict()"},
                              Method{"dict", "array", "list()"},
                              Method{"array", "tuple", "tuple()"},
                              Method{"array", "set", "set()"}};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

// Accepts what Python's int(text) accepts, within 64 bits.
std::optional<std::int64_t> as_integer(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  // 1_000: single underscores between digits, as Python reads them.
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between = i > 0 && i + 1 < text.size() && text[i - 1] != '_' && text[i - 1] != '-' && text[i + 1] != '_';
    if (text[i] != '_' || !between) plain += text[i];
  }
  text = plain;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> as_float(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// Python's repr of a float: the shortest text that reads back as the same value, never without a point.
std::string float_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string python_str(const json::value& value) {
  if (value.is_bool()) return value.get_bool() ? "True" : "False";
  if (value.is_double()) return float_text(value.get_double());
  return json::serialize(value);
}

std::optional<json::value> fail(std::string& problem, std::string what) {
  problem = std::move(what);
  return std::nullopt;
}

std::optional<json::value> to_integer(const json::value& value, std::string& problem) {
  if (value.is_int64() || value.is_uint64()) return value;
  if (value.is_bool()) return json::value(std::int64_t{value.get_bool() ? 1 : 0});
  if (value.is_double()) {
    const double number = value.get_double();
    if (std::floor(number) == number && std::abs(number) < 9.2e18)
      return json::value(static_cast<std::int64_t>(number));
    return fail(problem, fmt::format("{} is {}", float_text(number),
                                     std::floor(number) == number ? "too large for 64 bits" : "not a whole number"));
  }
  if (value.is_string())
    if (const auto number = as_integer(value.get_string())) return json::value(*number);
  return fail(problem, fmt::format("{} is not the text of a whole number", cut(json::serialize(value), 100)));
}

std::optional<json::value> to_float(const json::value& value, bool keep_integers, std::string& problem) {
  if (value.is_number()) {
    if (keep_integers) return value;
    return json::value(value.to_number<double>());
  }
  if (value.is_string()) {
    if (keep_integers)
      if (const auto whole = as_integer(value.get_string())) return json::value(*whole);
    if (const auto number = as_float(value.get_string())) return json::value(*number);
  }
  return fail(problem, fmt::format("{} is not the text of a number", cut(json::serialize(value), 100)));
}

std::optional<json::value> to_dict(const json::value& value, std::string& problem) {
  if (value.is_object()) return value;
  json::object out;
  if (value.is_array())
    for (const auto& pair : value.get_array()) {
      if (!pair.is_array() || pair.get_array().size() != 2 || !pair.get_array()[0].is_string())
        return fail(problem, "dict() takes a list of [name, value] pairs");
      out[pair.get_array()[0].get_string()] = pair.get_array()[1];
    }
  else return fail(problem, "dict() takes a list of [name, value] pairs");
  return json::value(std::move(out));
}

std::optional<json::value> to_list(const json::value& value, bool items, std::string& problem) {
  if (value.is_array()) return value;
  json::array out;
  if (!value.is_object()) return fail(problem, "list() takes a list, tuple, set or dict");
  for (const auto& [key, element] : value.get_object()) {
    if (items) out.push_back(json::array{json::value(key), element});
    else out.push_back(json::value(key));
  }
  return json::value(std::move(out));
}

std::optional<json::value> to_set(const json::value& value, std::string& problem) {
  if (!value.is_array()) return fail(problem, "set() takes a list");
  json::array out;
  for (const auto& element : value.get_array()) {
    if (element.is_array() || element.is_object()) return fail(problem, "a set cannot hold lists or dicts");
    if (std::find(out.begin(), out.end(), element) == out.end()) out.push_back(element);
  }
  return json::value(std::move(out));
}

// Types for which JSON has no values of its own.
bool is_special(std::string_view name) {
  for (const TypeInfo& type : builtin_types())
    if (type.name == name) return type.category == "special" || name == "object";
  return false;
}

}  // namespace

std::span<const TypeInfo> builtin_types() {
  static const std::vector<TypeInfo> kTypes{
      {"string", "basic", "str", "Text", {"str"}},
      {"number", "basic", "int | float", "A whole number or a float", {"int | float", "numbers.Number"}},
      {"integer", "basic", "int", "A whole number", {"int"}},
      {"float", "basic", "float", "A floating-point number", {}},
      {"boolean", "basic", "bool", "True or False", {"bool"}},
      {"null", "basic", "None", "No value", {"None", "NoneType"}},
      {"any", "basic", "Any", "Any value; fits everything", {"Any", "typing.Any"}},
      {"list", "collection", "list", "A list", {"List"}},
      {"array", "collection", "list", "Another name for list", {}},
      {"tuple", "collection", "tuple", "A tuple", {"Tuple"}},
      {"set", "collection", "set", "A set", {"Set", "frozenset"}},
      {"dict", "collection", "dict", "A dictionary", {"Dict"}},
      {"object", "collection", "dict", "An object with named members", {}},
      {"file", "special", "bytes", "A file", {"bytes", "Path", "pathlib.Path"}},
      {"image", "special", "PIL.Image.Image", "An image", {"PIL.Image.Image"}},
      {"audio", "special", "bytes", "Audio", {}},
      {"video", "special", "bytes", "Video", {}},
      {"dataframe", "special", "pandas.DataFrame", "A table", {"pandas.DataFrame", "pd.DataFrame", "DataFrame"}},
      {"tensor", "special", "torch.Tensor", "A tensor", {"torch.Tensor", "Tensor"}},
      {"numpy_array", "special", "numpy.ndarray", "A NumPy array", {"numpy.ndarray", "np.ndarray", "ndarray"}}};
  return kTypes;
}

std::optional<std::string_view> builtin_type(std::string_view name) {
  for (const TypeInfo& type : builtin_types())
    if (type.name == name || std::find(type.aliases.begin(), type.aliases.end(), name) != type.aliases.end())
      return type.name;
  return std::nullopt;
}

Compatibility compatibility(std::string_view source, std::string_view target) {
  Compatibility out;
  if (source == "any" || target == "any") {
    out.compatible = true;
    return out;
  }
  for (const Row& row : matrix())
    if (row.source == source)
      out.compatible = std::find(row.targets.begin(), row.targets.end(), target) != row.targets.end();
  for (const Method& method : kMethods)
    if (method.source == source && method.target == target) {
      out.conversion_required = true;
      out.method = method.text;
    }
  return out;
}

std::string_view type_of(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_int64() || value.is_uint64()) return "integer";
  if (value.is_double()) return "float";
  if (value.is_string()) return "string";
  return value.is_array() ? "list" : "dict";
}

std::optional<json::value> convert(const json::value& value, std::string_view source, std::string_view target,
                                   bool items, std::string& problem) {
  if (source == "any") source = type_of(value);
  const Compatibility is_source = compatibility(type_of(value), source);
  const bool shown_alike = (source == "tuple" || source == "set" || source == "array") && value.is_array();
  const bool number = value.is_number() && (source == "float" || source == "number");
  if (!is_source.compatible && !shown_alike && !number && type_of(value) != "null" && !is_special(source))
    return fail(problem, fmt::format("the value is a {}, not a {}", type_of(value), source));
  if (source == target || target == "any") return value;
  if (source == "null") return fail(problem, "null converts to nothing else");
  const Compatibility fits = compatibility(source, target);
  if (!fits.compatible && !fits.conversion_required)
    return fail(problem, fmt::format("there is no conversion from {} to {}", source, target));
  if (target == "integer") return to_integer(value, problem);
  if (target == "float") return to_float(value, false, problem);
  if (target == "number") return to_float(value, true, problem);
  if (target == "string")
    return json::value(
        json::string(value.is_string() ? std::string(std::string_view(value.get_string())) : python_str(value)));
  if (target == "dict" || target == "object") return to_dict(value, problem);
  if (target == "list" || target == "array") return to_list(value, items, problem);
  if (target == "set") return to_set(value, problem);
  return value;  // tuple, file, arrays: JSON shows both alike
}

}  // namespace qflow::schema
