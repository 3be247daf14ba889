#include "schema/typing/schema_check.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "schema/text/pointer.hpp"

namespace qflow::schema {
namespace {

constexpr std::size_t kMaxProblems = 20;
constexpr int kMaxDepth = 64;

// The keywords and what their values must be: s a schema, l a list of schemas, m schemas by name, t text, n a number,
// b a boolean, a a list, y a type.
struct Keyword {
  std::string_view name;
  char value;
};
constexpr Keyword kKeywords[] = {{"type", 'y'},          {"enum", 'a'},
                                 {"properties", 'm'},    {"required", 'a'},
                                 {"items", 's'},         {"prefixItems", 'l'},
                                 {"anyOf", 'l'},         {"oneOf", 'l'},
                                 {"allOf", 'l'},         {"not", 's'},
                                 {"$defs", 'm'},         {"additionalProperties", 's'},
                                 {"propertyNames", 's'}, {"patternProperties", 'm'},
                                 {"pattern", 't'},       {"$ref", 't'},
                                 {"minimum", 'n'},       {"maximum", 'n'},
                                 {"minLength", 'n'},     {"maxLength", 'n'},
                                 {"minItems", 'n'},      {"maxItems", 'n'},
                                 {"multipleOf", 'n'},    {"uniqueItems", 'b'},
                                 {"title", 't'},         {"description", 't'}};
constexpr std::string_view kTypes[] = {"null", "boolean", "integer", "number", "string", "array", "object"};

void check_one(const json::value& schema, const std::string& at, Problems& problems, int depth);

void check_keyword(const Keyword& keyword, const json::value& value, const std::string& at, Problems& problems,
                   int depth) {
  const auto expect = [&](bool good, const char* what) {
    if (!good) problems.push_back({at, fmt::format("expected {}", what)});
    return good;
  };
  switch (keyword.value) {
    case 's':
      return check_one(value, at, problems, depth + 1);
    case 'l':
      if (expect(value.is_array(), "a list of schemas"))
        for (std::size_t i = 0; i < value.get_array().size(); ++i)
          check_one(value.get_array()[i], fmt::format("{}/{}", at, i), problems, depth + 1);
      return;
    case 'm':
      if (expect(value.is_object(), "an object of schemas"))
        for (const auto& [name, one] : value.get_object())
          check_one(one, at + "/" + escape_pointer(name), problems, depth + 1);
      return;
    case 'y': {
      const auto known = [](const json::value& one) {
        return one.is_string() &&
               std::find(std::begin(kTypes), std::end(kTypes), std::string_view(one.get_string())) != std::end(kTypes);
      };
      const bool good =
          value.is_array() ? std::all_of(value.get_array().begin(), value.get_array().end(), known) : known(value);
      expect(good, "null, boolean, integer, number, string, array or object, or a list of these");
      return;
    }
    case 't':
      if (!expect(value.is_string(), "text") || keyword.name != "pattern") return;
      {
        re2::RE2::Options options;
        options.set_log_errors(false);
        const re2::RE2 pattern(std::string(std::string_view(value.get_string())), options);
        if (!pattern.ok()) problems.push_back({at, "is not a supported regular expression: " + pattern.error()});
      }
      return;
    case 'n':
      expect(value.is_number(), "a number");
      return;
    case 'b':
      expect(value.is_bool(), "true or false");
      return;
    default:
      expect(value.is_array(), "a list");
  }
}

void check_one(const json::value& schema, const std::string& at, Problems& problems, int depth) {
  if (schema.is_bool() || problems.size() >= kMaxProblems) return;
  const json::object* rules = schema.if_object();
  if (rules == nullptr || depth > kMaxDepth)
    return problems.push_back(
        {at, rules == nullptr ? "expected a schema: an object, true or false" : "nested too deep"});
  for (const Keyword& keyword : kKeywords)
    if (const json::value* value = rules->if_contains(keyword.name))
      check_keyword(keyword, *value, at + "/" + escape_pointer(keyword.name), problems, depth);
}

}  // namespace

Problems check_schema(const json::object& schema) {
  Problems problems;
  check_one(json::value(schema), "", problems, 0);
  return problems;
}

}  // namespace qflow::schema
