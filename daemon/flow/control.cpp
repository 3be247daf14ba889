#include "daemon/flow/control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value_from.hpp>
#include <set>

#include "daemon/base/near_name.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/control_types.hpp"

namespace qflow::flow {

namespace {

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
