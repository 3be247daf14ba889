#include "schema/typing/json_check.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>

#include "schema/text/pointer.hpp"
#include "schema/text/utf8.hpp"

namespace qflow::schema {
namespace {

constexpr std::size_t kMaxProblems = 20;
constexpr int kMaxDepth = 64;

std::string_view type_word(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_string()) return "string";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return value.is_double() ? "number" : "integer";
}

bool is_type(const json::value& value, std::string_view type) {
  if (type == "number") return value.is_number();
  if (type == "integer")
    return value.is_int64() || value.is_uint64() ||
           (value.is_double() && std::floor(value.get_double()) == value.get_double());
  return type_word(value) == type;
}

// A value as shown in a message; long values are abbreviated.
std::string shown(const json::value& value) {
  if (const auto* array = value.if_array(); array != nullptr && array->size() > 10)
    return fmt::format("an array of {}", array->size());
  if (const auto* object = value.if_object(); object != nullptr && object->size() > 10)
    return fmt::format("an object of {}", object->size());
  if (const auto* text = value.if_string(); text != nullptr && text->size() > 60)
    return json::serialize(json::value(cut(*text, 40))) + "…";
  std::string out;
  if (const auto* array = value.if_array()) {
    for (const auto& one : *array) out += (out.empty() ? "[" : ",") + shown(one);
    return (out.empty() ? "[" : out) + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, one] : value.get_object())
      out += (out.empty() ? "{" : ",") + json::serialize(json::value(cut(key, 40))) + ":" + shown(one);
    out = (out.empty() ? "{" : out) + "}";
    return out.size() > 200 ? fmt::format("an object of {}", value.get_object().size()) : out;
  }
  return json::serialize(value);
}

// The number of characters, not bytes, as minLength counts.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_date(std::string_view text) {
  static const re2::RE2 kDate(R"((\d{4})-(\d\d)-(\d\d))");
  int year = 0, month = 0, day = 0;
  if (!re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kDate, &year, &month, &day)) return false;
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= kDays[month - 1] &&
         (month != 2 || day < 29 || leap);
}

// The form that a text should have by its format or encoding but does not have; null: it has it, or needs none. Accepts
// only the forms that a worker's Python can read from a literal.
const char* wrong_form(std::string_view text, const json::object& rules) {
  static const re2::RE2 kTime(R"(([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)");
  static const re2::RE2 kUuid("(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}");
  static const re2::RE2 kBase64("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?");
  const auto full = [&](std::string_view part, const re2::RE2& form) {
    return re2::RE2::FullMatch(re2::StringPiece(part.data(), part.size()), form);
  };
  const auto is = [&](const char* keyword, std::string_view word) {
    const json::value* value = rules.if_contains(keyword);
    return value != nullptr && value->is_string() && std::string_view(value->get_string()) == word;
  };
  if (is("contentEncoding", "base64")) return full(text, kBase64) ? nullptr : "base64 text";
  if (is("format", "date")) return is_date(text) ? nullptr : "date such as 2026-11-23";
  if (is("format", "time")) return full(text, kTime) ? nullptr : "time such as 12:30:00";
  if (is("format", "uuid")) return full(text, kUuid) ? nullptr : "UUID";
  if (is("format", "date-time")) {
    const bool good = text.size() == 10 ? is_date(text)
                                        : text.size() > 11 && (text[10] == 'T' || text[10] == ' ') &&
                                              is_date(text.substr(0, 10)) && full(text.substr(11), kTime);
    return good ? nullptr : "date and time such as 2026-11-23T12:30:00";
  }
  return nullptr;
}

class Checker {
 public:
  Checker(const json::object& root, CheckBudget& budget) : root_(root), budget_(budget) {}

  bool check(const json::value& value, const json::value& schema, const std::string& at, Problems* problems,
             int depth = 0) {
    if (const bool* all = schema.if_bool()) return *all || fail(problems, at, "nothing is allowed here");
    const json::object* rules = schema.if_object();
    if (rules == nullptr || depth > kMaxDepth || !budget_.spend()) return true;
    bool good = true;
    if (const json::value* reference = rules->if_contains("$ref"))
      if (const json::value* target = resolve(*reference))
        good = check(value, *target, at, problems, depth + 1) && good;
    good = check_type(value, *rules, at, problems) && good;
    if (!good && problems == nullptr) return false;
    good = check_choices(value, *rules, at, problems) && good;
    if (value.is_number()) good = check_number(value, *rules, at, problems) && good;
    if (value.is_string()) good = check_text(value, *rules, at, problems) && good;
    if (const auto* array = value.if_array()) good = check_array(*array, *rules, at, problems, depth) && good;
    if (const auto* object = value.if_object()) good = check_object(*object, *rules, at, problems, depth) && good;
    return check_combined(value, *rules, at, problems, depth) && good;
  }

 private:
  static bool fail(Problems* problems, const std::string& at, std::string what) {
    if (problems != nullptr && problems->size() < kMaxProblems) problems->push_back({at, std::move(what)});
    return false;
  }
  // Whether a problem would be kept; otherwise its message is not formatted.
  static bool is_heard(const Problems* problems) { return problems != nullptr && problems->size() < kMaxProblems; }

  const json::value* resolve(const json::value& reference) {
    if (!reference.is_string() || !std::string_view(reference.get_string()).starts_with("#/")) return nullptr;
    const json::value* at = nullptr;
    const json::object* object = &root_;
    std::string_view rest = std::string_view(reference.get_string()).substr(2);
    while (true) {
      const auto slash = rest.find('/');
      if (!budget_.spend(1 + rest.size() / 64)) return nullptr;
      const std::string part = unescape_pointer(rest.substr(0, slash));
      if (object == nullptr) return nullptr;
      at = object->if_contains(part);
      if (at == nullptr || slash == std::string_view::npos) return at;
      object = at->if_object();
      rest.remove_prefix(slash + 1);
    }
  }

  static bool check_type(const json::value& value, const json::object& rules, const std::string& at,
                         Problems* problems) {
    const json::value* type = rules.if_contains("type");
    if (type == nullptr) return true;
    std::string expected;
    if (type->is_string()) {
      if (is_type(value, std::string_view(type->get_string()))) return true;
      expected = std::string_view(type->get_string());
    } else if (const auto* list = type->if_array()) {
      for (const auto& one : *list) {
        if (!one.is_string()) return true;
        if (is_type(value, std::string_view(one.get_string()))) return true;
        expected += (expected.empty() ? "" : " or ") + std::string(std::string_view(one.get_string()));
      }
    } else {
      return true;
    }
    return fail(problems, at, fmt::format("expected {}, found {}", expected, type_word(value)));
  }

  // About how much a look at all of the value may cost: its elements, and its texts by their length.
  static std::size_t weight(const json::value& value) {
    if (const auto* text = value.if_string()) return 1 + text->size() / 64;
    std::size_t sum = 1;
    if (const auto* array = value.if_array())
      for (const auto& one : *array) sum += weight(one);
    if (const auto* object = value.if_object())
      for (const auto& [key, one] : *object) sum += weight(one);
    return sum;
  }

  // Takes what it costs to compare the values: kinds and sizes come first.
  bool afford_comparison(const json::value& value, const json::value& other) {
    const auto size = [](const json::value& one) {
      return one.is_string() ? one.get_string().size() : one.is_array() ? one.get_array().size() : 0;
    };
    return budget_.spend(value.kind() == other.kind() && size(value) == size(other) ? weight(value) : 1);
  }

  static bool equal(const json::value& a, const json::value& b) {
    if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
    return a == b;
  }

  bool check_choices(const json::value& value, const json::object& rules, const std::string& at, Problems* problems) {
    const json::value* constant = rules.if_contains("const");
    const json::value* choices = rules.if_contains("enum");
    if (constant != nullptr && afford_comparison(value, *constant) && !equal(value, *constant))
      return is_heard(problems) &&
             fail(problems, at, fmt::format("expected {}, found {}", shown(*constant), shown(value)));
    if (choices == nullptr || !choices->is_array()) return true;
    for (const json::value& one : choices->get_array())
      if (!afford_comparison(value, one) || equal(value, one)) return true;
    return is_heard(problems) &&
           fail(problems, at, fmt::format("expected one of {}, found {}", shown(*choices), shown(value)));
  }

  static std::optional<double> number_in(const json::object& rules, const char* name) {
    const json::value* value = rules.if_contains(name);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
  }

  static bool check_number(const json::value& value, const json::object& rules, const std::string& at,
                           Problems* problems) {
    const auto number = value.to_number<double>();
    if (const auto least = number_in(rules, "minimum"); least && number < *least)
      return fail(problems, at, fmt::format("{} is less than {}", shown(value), *least));
    if (const auto most = number_in(rules, "maximum"); most && number > *most)
      return fail(problems, at, fmt::format("{} is more than {}", shown(value), *most));
    if (const auto above = number_in(rules, "exclusiveMinimum"); above && number <= *above)
      return fail(problems, at, fmt::format("{} is not greater than {}", shown(value), *above));
    if (const auto below = number_in(rules, "exclusiveMaximum"); below && number >= *below)
      return fail(problems, at, fmt::format("{} is not less than {}", shown(value), *below));
    if (const auto of = number_in(rules, "multipleOf"); of && *of > 0) {
      const double times = number / *of;
      if (std::abs(times - std::round(times)) > 1e-9 * std::max(1.0, std::abs(times)))
        return fail(problems, at, fmt::format("{} is not a multiple of {}", shown(value), *of));
    }
    return true;
  }

  static bool check_size(std::size_t size, const json::object& rules, const char* least, const char* most,
                         const char* what, const std::string& at, Problems* problems) {
    if (const auto bound = number_in(rules, least); bound && static_cast<double>(size) < *bound)
      return fail(problems, at, fmt::format("has {} {}, at least {} are needed", size, what, *bound));
    if (const auto bound = number_in(rules, most); bound && static_cast<double>(size) > *bound)
      return fail(problems, at, fmt::format("has {} {}, at most {} are allowed", size, what, *bound));
    return true;
  }

  // Compiled once; what does not compile matches everything.
  const re2::RE2& compiled(const std::string& pattern) {
    auto& slot = patterns_[pattern];
    if (!slot) {
      budget_.spend(100 + 4 * pattern.size());
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(1 << 20);
      slot = std::make_unique<re2::RE2>(pattern, options);
    }
    return *slot;
  }

  bool matches(const re2::RE2& pattern, std::string_view text) {
    if (!budget_.spend(1 + text.size() / 16)) return true;
    return !pattern.ok() || re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
  }
  bool matches(const std::string& pattern, std::string_view text) { return matches(compiled(pattern), text); }

  bool check_text(const json::value& value, const json::object& rules, const std::string& at, Problems* problems) {
    const std::string_view text = value.get_string();
    const bool sized = rules.contains("minLength") || rules.contains("maxLength");
    const bool is_read = sized || rules.contains("format") || rules.contains("contentEncoding");
    if (is_read && !budget_.spend(text.size() / 64)) return true;
    if (sized && !check_size(length_of(text), rules, "minLength", "maxLength", "characters", at, problems))
      return false;
    if (const char* wrong = wrong_form(text, rules))
      return is_heard(problems) && fail(problems, at, fmt::format("{} is not a {}", shown(value), wrong));
    const json::value* pattern = rules.if_contains("pattern");
    if (pattern == nullptr || !pattern->is_string()) return true;
    const std::string written(std::string_view(pattern->get_string()));
    if (matches(written, text)) return true;
    return is_heard(problems) && fail(problems, at, fmt::format("{} does not match {}", shown(value), written));
  }

  bool check_array(const json::array& array, const json::object& rules, const std::string& at, Problems* problems,
                   int depth) {
    bool good = check_size(array.size(), rules, "minItems", "maxItems", "items", at, problems);
    if (const json::value* unique = rules.if_contains("uniqueItems");
        unique != nullptr && unique->is_bool() && unique->get_bool() && array.size() <= 1000) {
      // Each item is compared with those before it.
      const bool affordable = budget_.spend(array.size() * weight(json::value(array)) / 8);
      for (std::size_t i = 0; i < array.size() && good && affordable; ++i)
        for (std::size_t j = 0; j < i && good; ++j)
          if (equal(array[i], array[j]))
            good =
                fail(problems, fmt::format("{}/{}", at, i), fmt::format("equal to item {}; items must be unique", j));
    }
    std::size_t first = 0;
    if (const json::value* prefix = rules.if_contains("prefixItems"); prefix != nullptr && prefix->is_array()) {
      const auto& list = prefix->get_array();
      for (; first < list.size() && first < array.size(); ++first)
        good = check(array[first], list[first], fmt::format("{}/{}", at, first), problems, depth + 1) && good;
    }
    if (const json::value* items = rules.if_contains("items"))
      for (std::size_t i = first; i < array.size() && (good || problems != nullptr); ++i)
        good = check(array[i], *items, fmt::format("{}/{}", at, i), problems, depth + 1) && good;
    return good;
  }

  bool check_object(const json::object& object, const json::object& rules, const std::string& at, Problems* problems,
                    int depth) {
    bool good = check_size(object.size(), rules, "minProperties", "maxProperties", "members", at, problems);
    if (const json::value* required = rules.if_contains("required"); required != nullptr && required->is_array())
      for (const auto& name : required->get_array())
        if (name.is_string() && budget_.spend(1 + name.get_string().size() / 64) && !object.contains(name.get_string()))
          good = fail(problems, at + "/" + escape_pointer(name.get_string()), "required") && good;
    const json::value* listed = rules.if_contains("properties");
    const json::object* properties = listed == nullptr ? nullptr : listed->if_object();
    const json::value* more = rules.if_contains("additionalProperties");
    const json::value* by_pattern = rules.if_contains("patternProperties");
    const json::object* patterns = by_pattern == nullptr ? nullptr : by_pattern->if_object();
    const json::value* names = rules.if_contains("propertyNames");
    std::vector<std::pair<const re2::RE2*, const json::value*>> by_name;
    if (patterns != nullptr)
      for (const auto& [pattern, schema] : *patterns) {
        if (budget_.is_exhausted()) return good;
        by_name.emplace_back(&compiled(pattern), &schema);
      }
    for (const auto& [key, value] : object) {
      if (!budget_.spend(1 + (at.size() + key.size()) / 64)) return good;
      const std::string here = at + "/" + escape_pointer(key);
      if (names != nullptr) good = check(json::value(key), *names, here, problems, depth + 1) && good;
      const json::value* own = properties == nullptr ? nullptr : properties->if_contains(key);
      if (own != nullptr) good = check(value, *own, here, problems, depth + 1) && good;
      bool listed_here = own != nullptr;
      for (const auto& [pattern, schema] : by_name) {
        if (budget_.is_exhausted()) return good;
        if (!matches(*pattern, key)) continue;
        listed_here = true;
        good = check(value, *schema, here, problems, depth + 1) && good;
      }
      if (listed_here || more == nullptr) continue;
      if (more->is_bool() && !more->get_bool()) good = fail(problems, here, "is not expected here") && good;
      else good = check(value, *more, here, problems, depth + 1) && good;
    }
    return good;
  }

  bool check_combined(const json::value& value, const json::object& rules, const std::string& at, Problems* problems,
                      int depth) {
    bool good = true;
    if (const json::value* all = rules.if_contains("allOf"); all != nullptr && all->is_array())
      for (const auto& one : all->get_array()) good = check(value, one, at, problems, depth + 1) && good;
    for (const char* word : {"anyOf", "oneOf"}) {
      const json::value* any = rules.if_contains(word);
      if (any == nullptr || !any->is_array() || any->get_array().empty()) continue;
      std::size_t fitting = 0;
      for (const auto& one : any->get_array()) {
        fitting += check(value, one, at, nullptr, depth + 1) ? 1 : 0;
        if (fitting > 0 && word == std::string_view("anyOf")) break;
      }
      if (fitting == 0) good = fits_none(value, any->get_array(), at, problems, depth);
      else if (fitting > 1 && word == std::string_view("oneOf"))
        good = fail(problems, at, fmt::format("fits {} of the alternatives, but must fit only one", fitting));
    }
    if (const json::value* wrong = rules.if_contains("not"))
      if (check(value, *wrong, at, nullptr, depth + 1)) good = fail(problems, at, "is not allowed");
    return good;
  }

  // Among several alternatives, the one of the value's own type gives the best message.
  bool fits_none(const json::value& value, const json::array& alternatives, const std::string& at, Problems* problems,
                 int depth) {
    if (problems == nullptr) return false;
    std::string expected;
    std::size_t looked_at = 0;
    for (const auto& one : alternatives) {
      if (++looked_at > 10) break;  // more would not help
      Problems inner;
      check(value, one, at, &inner, depth + 1);
      const bool deeper = std::any_of(inner.begin(), inner.end(), [&](const Problem& p) { return p.pointer != at; });
      if (deeper) {
        for (Problem& problem : inner) fail(problems, problem.pointer, std::move(problem.what));
        return false;
      }
      if (!inner.empty()) expected += (expected.empty() ? "" : "; or ") + inner.front().what;
    }
    return fail(problems, at, expected.empty() ? "fits none of the alternatives" : expected);
  }

  const json::object& root_;
  std::map<std::string, std::unique_ptr<re2::RE2>> patterns_;
  CheckBudget& budget_;
};

}  // namespace

Problems check_json(const json::value& value, const json::object& schema, CheckBudget& budget, std::string at) {
  Problems problems;
  Checker(schema, budget).check(value, json::value(schema), at, &problems);
  return problems;
}

Problems check_json(const json::value& value, const json::object& schema, std::string at) {
  CheckBudget budget;
  return check_json(value, schema, budget, std::move(at));
}

}  // namespace qflow::schema
