#include "daemon/flow/control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value_from.hpp>
#include <set>

#include "daemon/base/near_name.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"

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

const ControlType& type_of(const Node& node) {
  const auto& all = control_types();
  return *std::find_if(all.begin(), all.end(), [&](const ControlType& one) { return one.control == node.control; });
}

std::vector<std::string> names_of(const ControlType& type) {
  std::vector<std::string> names;
  for (const ControlParameter& one : type.parameters) names.push_back(one.name);
  return names;
}

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

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Looks at parameters one after the other and collects what is wrong.
class Look {
 public:
  explicit Look(const Node& node) : node_(node) {}

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

void look_at_switch(Look& look, const Node& node) {
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
void look_at_wait(Look& look, const Node& node) {
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

void look_at_workflow(Look& look) {
  const json::value* id = look.find("workflow");
  if (id == nullptr || !id->is_string() || id->get_string().empty())
    look.add("/workflow", "required: the id of a workflow, or a file beside this one on the command line");
  look.one_of("mode", {"wait", "start"});
  look.whole("max_depth", 1, kMostDepth);
}

void look_at_respond(Look& look) {
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

void look_at_set(Look& look) {
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

void look_at_merge(Look& look) {
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

std::vector<std::string> switch_outputs(const json::object& parameters, const std::vector<std::string>& named) {
  std::vector<std::string> out;
  std::set<std::string> taken{"otherwise"};
  const auto add = [&](std::string name) {
    if (name.empty()) name = std::to_string(out.size());
    while (!taken.insert(name).second) name += "'";
    out.push_back(std::move(name));
  };
  const json::value* rules = parameters.if_contains("rules");
  if (rules != nullptr && rules->is_array()) {
    for (const json::value& rule : rules->get_array()) {
      const json::value* name = rule.is_object() ? rule.get_object().if_contains("name") : nullptr;
      add(name != nullptr && name->is_string() ? text(name->get_string()) : std::string());
    }
  } else {
    for (const std::string& name : named)
      if (name != "otherwise") add(name);
  }
  out.emplace_back("otherwise");
  return out;
}

// 2.0 is 2: an editor has one kind of number.
json::value whole_number(const json::value& value) {
  boost::system::error_code error;
  if (!value.is_double()) return value;
  const auto number = value.to_number<std::int64_t>(error);
  return error ? value : json::value(number);
}

}  // namespace

const std::vector<ControlType>& control_types() {
  const std::string names = "value, inputs, item, index and execution";
  static const ControlParameter kCondition{
      "condition", "expression", "a Python expression of " + names + "; its truth value counts", nullptr, {}, true};
  static const std::vector<ControlType> kTypes{
      {"qflow.if", "If", "Goes on one of two ways", Control::if_, {kCondition}, {"value"}, {"true", "false"}},
      {"qflow.switch",
       "Switch",
       "Goes on the way of the first rule that holds",
       Control::switch_,
       {{"rules",
         "list",
         "a list of {when, name}: a Python expression, and the name of its output",
         nullptr,
         {},
         false},
        {"value",
         "expression",
         "instead of rules: an expression that gives the name of the output",
         nullptr,
         {},
         false},
        {"outputs", "list", "with value: the names of the outputs", nullptr, {}, false},
        {"all_matches", "boolean", "every rule that holds, not only the first", false, {}, false}},
       {"value"},
       {}},
      {"qflow.filter",
       "Filter",
       "Parts a list by a condition on each item, or a table by a mask",
       Control::filter,
       {{"condition", "expression", "of each item, or a mask of the table in value", nullptr, {}, true}},
       {"value"},
       {"kept", "discarded"}},
      {"qflow.merge",
       "Merge",
       "Joins branches and lists",
       Control::merge,
       {{"mode",
         "options",
         "the first live input, all as a list or dict, or their contents together",
         "first",
         {"first", "list", "dict", "concat", "zip", "join"},
         false},
        {"on", "list", "join: the common field, or a list of them", nullptr, {}, false},
        {"how", "options", "join: which rows stay", "inner", {"inner", "left", "right", "outer"}, false}},
       {},
       {"output"}},
      {"qflow.set",
       "Set fields",
       "Sets fields of a dict, or columns of a table, by expressions",
       Control::set,
       {{"fields", "object", "name and Python expression of each", nullptr, {}, false},
        {"keep", "string", "all, none or a list of names: which of the fields before stay", "all", {}, false}},
       {"value"},
       {"output"}},
      {"qflow.for_each",
       "For each",
       "Runs its body for each item of a list, and gives all results",
       Control::for_each,
       {{"batch", "number", "items at a time; more than one: the body gets lists", 1, {}, false},
        {"on_error",
         "options",
         "stop the execution, or collect the error in the place of the result",
         "stop",
         {"stop", "collect"},
         false},
        {"max_items", "number", "more than so many are an error", 1'000'000, {}, false},
        {"parallel",
         "number",
         "how many rounds at the same time; not used yet: they run one after the other",
         1,
         {},
         false}},
       {"items", "result"},
       {"done", "item"}},
      {"qflow.while",
       "While",
       "Runs its body as long as a condition holds",
       Control::while_,
       {kCondition, {"max_iterations", "number", "more rounds are an error", 1000, {}, false}},
       {"start", "next"},
       {"done", "again"}},
      {"qflow.wait",
       "Wait",
       "Passes its input on later: after some seconds, at a time, or when its resume address is called",
       Control::wait,
       {{"seconds", "number", "how long", nullptr, {}, false},
        {"until", "string", "when: a date and time with its zone, as 2027-01-31T08:00:00+01:00", nullptr, {}, false},
        {"webhook", "boolean", "until the address execution.resume_url is called", false, {}, false}},
       {"value"},
       {}},
      {"qflow.workflow",
       "Run a workflow",
       "Runs another workflow with its input, as an execution of its own, and takes what that gives",
       Control::workflow,
       {{"workflow", "string", "its id; on the command line, a file beside this flow", nullptr, {}, true},
        {"mode", "options", "wait for its result, or only start it", "wait", {"wait", "start"}, false},
        {"max_depth",
         "number",
         "how often a workflow may run within itself; without it, not at all",
         nullptr,
         {},
         false}},
       {"value"},
       {}},
      {"qflow.respond",
       "Respond",
       "Answers the webhook that started the execution, which goes on",
       Control::respond,
       {{"status", "number", "of the answer", 200, {}, false},
        {"headers", "object", "name and text of each", nullptr, {}, false},
        {"body", "expression", "a Python expression; without it, the input", nullptr, {}, false}},
       {"value"},
       {}},
      {"qflow.stop",
       "Stop",
       "Ends the execution",
       Control::stop,
       {{"status", "options", "how it ends", "failed", {"failed", "completed"}, false},
        {"message", "string", "the error of a failed one", nullptr, {}, false}},
       {"value"},
       {}}};
  return kTypes;
}

SubWorkflow sub_workflow_of(const Node& node) {
  SubWorkflow out;
  const json::object& from = node.control_parameters;
  if (const json::value* id = from.if_contains("workflow"); id != nullptr && id->is_string())
    out.workflow = text(id->get_string());
  if (const json::value* mode = from.if_contains("mode"); mode != nullptr && mode->is_string())
    out.wait = mode->get_string() != "start";
  if (const json::value* depth = from.if_contains("max_depth"); depth != nullptr && depth->is_int64())
    out.max_depth = static_cast<unsigned>(depth->get_int64());
  return out;
}

Wait wait_of(const Node& node) {
  Wait out;
  const json::object& from = node.control_parameters;
  if (const json::value* seconds = from.if_contains("seconds"); seconds != nullptr && seconds->is_number())
    out.seconds = seconds->to_number<double>();
  if (const json::value* until = from.if_contains("until"); until != nullptr && until->is_string())
    out.until = parse_time(std::string_view(until->get_string()));
  if (const json::value* webhook = from.if_contains("webhook"); webhook != nullptr && webhook->is_bool())
    out.webhook = webhook->get_bool();
  return out;
}

const ControlType* find_control_type(std::string_view type) {
  for (const ControlType& one : control_types())
    if (one.type == type) return &one;
  return nullptr;
}

Control control_of(std::string_view type) {
  const ControlType* found = find_control_type(type);
  return found == nullptr ? Control::none : found->control;
}

void read_control(const json::object& from, Node& node) {
  const std::vector<std::string> known = names_of(type_of(node));
  for (const std::string& name : known)
    if (const json::value* value = from.if_contains(name); value != nullptr && !value->is_null())
      node.control_parameters[name] = whole_number(*value);
  // What is nearly a parameter is refused when the workflow is planned.
  for (const auto& [key, value] : from)
    if (key != "onError" && !node.control_parameters.contains(key) && !near_name(std::string(key), known).empty())
      node.control_parameters[key] = value;
}

void settle_outputs(Node& node) {
  switch (node.control) {
    case Control::switch_: {
      std::vector<std::string> named = node.outputs;
      if (const json::value* list = node.control_parameters.if_contains("outputs");
          list != nullptr && list->is_array()) {
        named.clear();
        for (const json::value& one : list->get_array())
          if (one.is_string()) named.push_back(text(one.get_string()));
      }
      node.outputs = switch_outputs(node.control_parameters, named);
      break;
    }
    default:
      node.outputs = type_of(node).outputs;
      if (node.outputs.size() < 2) node.outputs.clear();
  }
}

std::vector<ControlProblem> control_problems(const Node& node) {
  Look look(node);
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

std::string input_name(const Node& node, int index) {
  if (static_cast<std::size_t>(index) < node.ports.size()) return node.ports[static_cast<std::size_t>(index)];
  switch (node.control) {
    case Control::merge:
      return "";
    case Control::for_each:
      return index == 0 ? "items" : index == 1 ? "result" : fmt::format("input{}", index);
    case Control::while_:
      return index == 0 ? "start" : index == 1 ? "next" : fmt::format("input{}", index);
    default:
      return index == 0 ? "value" : fmt::format("input{}", index);
  }
}

bool closes_loop(const Node& node, const Edge& edge) {
  if (!is_loop(node.control)) return false;
  if (edge.input_port) return *edge.input_port == (node.control == Control::for_each ? "result" : "next");
  return edge.input == 1;
}

int output_of(const Node& node, const Edge& edge) {
  if (!edge.output_port) return edge.output;
  const auto found = std::find(node.outputs.begin(), node.outputs.end(), *edge.output_port);
  return found == node.outputs.end() ? -1 : static_cast<int>(found - node.outputs.begin());
}

json::object control_json(const Node& node) {
  return {{"type", node.type}, {"parameters", node.control_parameters}, {"outputs", json::value_from(node.outputs)}};
}

}  // namespace qflow::flow
