#include "daemon/flow/control_problems.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/near_name.hpp"
#include "daemon/base/text.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/control_types.hpp"

namespace qflow::flow {

std::string expression_problem(std::string_view text) {
  constexpr std::size_t kMost = 64U << 10U;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "expected a Python expression, not an empty text";
  if (text.size() > kMost) return fmt::format("longer than {} KiB", kMost >> 10U);
  if (text[first] == '=' || text.find("{{") != std::string_view::npos)
    return "this is an n8n expression; expressions here are Python, such as value[\"total\"] > 100, with value, "
           "inputs, "
           "item, index and execution";
  return {};
}

namespace {

constexpr std::size_t kMostRules = 100;
constexpr std::size_t kMostFields = 500;

// Of the answer to a webhook: none that would change who the reader of the page is, or how it is framed.
constexpr const char* kHeaders[] = {"cache-control",
                                    "content-disposition",
                                    "content-language",
                                    "content-type",
                                    "etag",
                                    "last-modified",
                                    "link",
                                    "location",
                                    "retry-after",
                                    "vary"};

// Looks at parameters one after the other and collects what is wrong.
class ParameterLook {
 public:
  explicit ParameterLook(const Node& node) : node_(node) {}

  void expression(const char* name, bool required) {
    const json::value* value = find(name);
    if (value != nullptr) check_expression(*value, std::string("/") + name);
    else if (required) add(std::string("/") + name, "required: a Python expression, such as value[\"total\"] > 100");
  }

  void check_expression(const json::value& value, const std::string& at) {
    if (!value.is_string()) return add(at, "expected a Python expression as a string");
    if (std::string problem = expression_problem(value.get_string()); !problem.empty()) add(at, std::move(problem));
  }

  void one_of(const char* name, const std::vector<std::string>& words) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (value->is_string() && std::find(words.begin(), words.end(), text(value->get_string())) != words.end()) return;
    const std::string given = value->is_string() ? text(value->get_string()) : std::string();
    const std::string like = near_name(given, words);
    add(std::string("/") + name, fmt::format("expected one of {}{}", fmt::join(words, ", "),
                                             like.empty() ? "" : "; did you mean " + like + "?"));
  }

  void whole(const char* name, std::int64_t least, std::int64_t most) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    boost::system::error_code error;
    const auto number = value->is_number() ? value->to_number<std::int64_t>(error) : 0;
    if (!value->is_number() || error || number < least || number > most)
      add(std::string("/") + name, fmt::format("expected a whole number from {} to {}", least, most));
  }

  const json::value* find(const char* name) const {
    const json::value* value = node_.control_parameters.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  void add(const std::string& at, std::string what) { problems.push_back({"/parameters" + at, std::move(what)}); }

  void names() {
    const std::vector<std::string> known = names_of(type_of(node_));
    for (const auto& [key, value] : node_.control_parameters) {
      const std::string name(key);
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      if (const std::string like = near_name(name, known); !like.empty())
        add("/" + name, fmt::format("there is no such parameter; did you mean {}?", like));
    }
  }

  std::vector<ControlProblem> problems;

 private:
  const Node& node_;
};

void look_at_switch(ParameterLook& look, const Node& node) {
  const json::value* rules = look.find("rules");
  const json::value* value = look.find("value");
  if (value != nullptr) {
    look.check_expression(*value, "/value");
    if (node.outputs.size() < 2)
      look.add("/outputs", "required with value: the names of the outputs, one of which the expression gives");
    if (rules != nullptr) look.add("/rules", "give rules or value, not both");
    return;
  }
  if (rules == nullptr) return look.add("/rules", "required: a list of {when, name}, or value with outputs");
  if (!rules->is_array() || rules->get_array().empty() || rules->get_array().size() > kMostRules)
    return look.add("/rules", fmt::format("expected a list of 1 to {} rules", kMostRules));
  for (std::size_t i = 0; i < rules->get_array().size(); ++i) {
    const std::string at = fmt::format("/rules/{}", i);
    const json::object* rule = rules->get_array()[i].if_object();
    const json::value* when = rule == nullptr ? nullptr : rule->if_contains("when");
    if (when == nullptr) look.add(at + "/when", "required: a Python expression");
    else look.check_expression(*when, at + "/when");
  }
}

// Exactly one of the three.
void look_at_wait(ParameterLook& look, const Node& node) {
  const json::object& from = node.control_parameters;
  const Wait wait = wait_of(node);
  constexpr double kMostSeconds = 10.0 * 366 * 86'400;
  if (from.contains("seconds") && (!wait.seconds || *wait.seconds < 0 || *wait.seconds > kMostSeconds))
    look.add("/seconds", "expected a number of seconds, at most ten years");
  if (const json::value* until = from.if_contains("until")) {
    const std::string written = until->is_string() ? text(until->get_string()) : std::string();
    const auto clock = written.find('T');
    const bool zoned = clock != std::string::npos && written.find_first_of("Z+-", clock) != std::string::npos;
    if (!wait.until || !zoned)
      look.add("/until", "expected a date and time with its zone, as 2027-01-31T08:00:00+01:00");
  }
  if (const json::value* webhook = from.if_contains("webhook"); webhook != nullptr && !webhook->is_bool())
    look.add("/webhook", "expected true or false");
  const int given = (from.contains("seconds") ? 1 : 0) + (from.contains("until") ? 1 : 0) + (wait.webhook ? 1 : 0);
  if (given == 0) look.add("", "expected one of seconds, until, webhook");
  if (given > 1) look.add("", "expected only one of seconds, until, webhook");
}

void look_at_workflow(ParameterLook& look) {
  const json::value* id = look.find("workflow");
  if (id == nullptr || !id->is_string() || id->get_string().empty())
    look.add("/workflow", "required: the id of a workflow, or a file beside this one on the command line");
  look.one_of("mode", {"wait", "start"});
  look.whole("max_depth", 1, kMostDepth);
}

void look_at_respond(ParameterLook& look) {
  look.whole("status", 200, 599);
  look.expression("body", false);
  const json::value* headers = look.find("headers");
  if (headers == nullptr) return;
  if (!headers->is_object()) return look.add("/headers", "expected an object of name and text");
  for (const auto& [name, value] : headers->get_object()) {
    const std::string at = "/headers/" + std::string(name);
    const std::string lower = lower_case(name);
    const bool free = lower.starts_with("x-") && lower.size() < 100;
    if (!free && std::find(std::begin(kHeaders), std::end(kHeaders), lower) == std::end(kHeaders))
      look.add(at, fmt::format("a workflow does not set it; expected one of {}, or x-…", fmt::join(kHeaders, ", ")));
    else if (!std::all_of(lower.begin(), lower.end(),
                          [](char c) { return c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }))
      look.add(at, "expected letters, digits and - in the name of a header");
    const bool plain = value.is_string() && value.get_string().size() <= 4000 &&
                       std::all_of(value.get_string().begin(), value.get_string().end(),
                                   [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
    if (!plain) look.add(at, "expected a text of printable ASCII characters");
  }
}

void look_at_set(ParameterLook& look) {
  const json::value* fields = look.find("fields");
  if (fields != nullptr && !fields->is_object()) look.add("/fields", "expected an object of name and expression");
  if (fields != nullptr && fields->is_object()) {
    if (fields->get_object().size() > kMostFields) look.add("/fields", fmt::format("more than {} fields", kMostFields));
    for (const auto& [name, value] : fields->get_object()) look.check_expression(value, "/fields/" + std::string(name));
  }
  const json::value* keep = look.find("keep");
  if (keep == nullptr) return;
  const bool word = keep->is_string() && (keep->get_string() == "all" || keep->get_string() == "none");
  const bool list = keep->is_array() && std::all_of(keep->get_array().begin(), keep->get_array().end(),
                                                    [](const json::value& one) { return one.is_string(); });
  if (!word && !list) look.add("/keep", "expected all, none or a list of names");
}

void look_at_merge(ParameterLook& look) {
  look.one_of("mode", {"first", "list", "dict", "concat", "zip", "join"});
  const json::value* mode = look.find("mode");
  const bool join = mode != nullptr && mode->is_string() && mode->get_string() == "join";
  look.one_of("how", {"inner", "left", "right", "outer"});
  const json::value* on = look.find("on");
  const bool names =
      on != nullptr && (on->is_string() || (on->is_array() && !on->get_array().empty() &&
                                            std::all_of(on->get_array().begin(), on->get_array().end(),
                                                        [](const json::value& one) { return one.is_string(); })));
  if (join && !names) look.add("/on", "required with mode join: the name of the common field, or a list of names");
}

}  // namespace

std::vector<ControlProblem> control_problems(const Node& node) {
  ParameterLook look(node);
  look.names();
  switch (node.control) {
    case Control::if_:
    case Control::filter:
      look.expression("condition", true);
      break;
    case Control::switch_:
      look_at_switch(look, node);
      break;
    case Control::merge:
      look_at_merge(look);
      break;
    case Control::set:
      look_at_set(look);
      break;
    case Control::for_each:
      look.whole("parallel", 1, 64);
      look.whole("batch", 1, 1'000'000'000);
      look.whole("max_items", 1, 1'000'000'000);
      look.one_of("on_error", {"stop", "collect"});
      break;
    case Control::while_:
      look.expression("condition", true);
      look.whole("max_iterations", 1, 1'000'000'000);
      break;
    case Control::wait:
      look_at_wait(look, node);
      break;
    case Control::workflow:
      look_at_workflow(look);
      break;
    case Control::respond:
      look_at_respond(look);
      break;
    case Control::stop:
      look.one_of("status", {"failed", "completed"});
      break;
    case Control::none:
      break;
  }
  return std::move(look.problems);
}

}  // namespace qflow::flow
