#include "daemon/flow/control_types.hpp"

#include <algorithm>

namespace qflow::flow {

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

const ControlType* find_control_type(std::string_view type) {
  for (const ControlType& one : control_types())
    if (one.type == type) return &one;
  return nullptr;
}

Control control_of(std::string_view type) {
  const ControlType* found = find_control_type(type);
  return found == nullptr ? Control::none : found->control;
}

const ControlType& type_of(const Node& node) {
  const auto& all = control_types();
  return *std::find_if(all.begin(), all.end(), [&](const ControlType& one) { return one.control == node.control; });
}

std::vector<std::string> names_of(const ControlType& type) {
  std::vector<std::string> names;
  for (const ControlParameter& one : type.parameters) names.push_back(one.name);
  return names;
}

}  // namespace qflow::flow
