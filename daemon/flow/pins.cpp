#include "daemon/flow/pins.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"

namespace qflow::flow {
namespace {

constexpr std::size_t kMostPinned = 8U << 20U;  // bytes of JSON: what passes to a worker at a time
constexpr std::size_t kMostOfAll = 48U << 20U;

}  // namespace

json::value value_of_items(const json::array& items) {
  const auto value_of = [](const json::value& item) -> json::value {
    const json::value* inner = item.is_object() ? item.get_object().if_contains("json") : nullptr;
    if (inner == nullptr) return item;
    const json::object* object = inner->if_object();
    if (object != nullptr && object->size() == 1 && object->contains("value")) return object->at("value");
    return *inner;
  };
  if (items.size() == 1) return value_of(items.front());
  json::array out;
  for (const json::value& item : items) out.push_back(value_of(item));
  return out;
}

Pins read_pins(const json::object& pin_data) {
  Pins out;
  for (const auto& [name, value] : pin_data) {
    const json::array* items = value.if_array();
    const bool n8n =
        items != nullptr && !items->empty() && std::all_of(items->begin(), items->end(), [](const json::value& one) {
          return one.is_object() && one.get_object().contains("json");
        });
    out[std::string(name)] = n8n ? value_of_items(*items) : value;
  }
  return out;
}

std::map<std::size_t, std::string> pins_of(const Graph& graph, const Plan& plan, const Pins& pins) {
  std::map<std::size_t, std::string> out;
  std::size_t all = 0;
  for (const auto& [name, value] : pins) {
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const Node& one) { return one.name == name || one.id == name; });
    if (node == graph.nodes.end()) {
      std::vector<std::string> known;
      for (const Node& one : graph.nodes) known.push_back(one.name);
      throw Fault(FaultKind::bad_input, "missing_node",
                  fmt::format("pinned data of \"{}\", which is not a node of this workflow{}", name,
                              did_you_mean(name, known)));
    }
    if (node->role == NodeRole::flow && node->control != Control::merge && node->control != Control::set)
      throw Fault(FaultKind::bad_input, "not_pinnable",
                  fmt::format("node \"{}\" decides where values go: pin the nodes after it", node->name),
                  {{"node", node->name}, {"node_id", node->id}});
    const auto step =
        std::find_if(plan.steps.begin(), plan.steps.end(), [&](const Step& one) { return one.node.id == node->id; });
    const auto index = static_cast<std::size_t>(step - plan.steps.begin());
    if (step == plan.steps.end() || plan.only == index) continue;
    std::string text = json::serialize(value);
    if (text.size() > kMostPinned || (all += text.size()) > kMostOfAll)
      throw Fault(FaultKind::bad_input, "pin_too_large",
                  fmt::format("node \"{}\": pinned values are at most {} MiB of JSON each, {} MiB together", node->name,
                              kMostPinned >> 20U, kMostOfAll >> 20U),
                  {{"node", node->name}, {"node_id", node->id}});
    out[index] = std::move(text);
  }
  return out;
}

std::set<std::string> with_followers(const Graph& graph, const std::set<std::string>& names) {
  std::vector<bool> seen(graph.nodes.size(), false);
  std::vector<std::size_t> todo;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (names.count(graph.nodes[i].name) != 0 || names.count(graph.nodes[i].id) != 0) {
      seen[i] = true;
      todo.push_back(i);
    }
  std::vector<std::vector<std::size_t>> after(graph.nodes.size());
  for (const Edge& edge : graph.edges) after[edge.from].push_back(edge.to);
  while (!todo.empty()) {
    const std::size_t at = todo.back();
    todo.pop_back();
    for (const std::size_t next : after[at])
      if (!seen[next]) {
        seen[next] = true;
        todo.push_back(next);
      }
  }
  std::set<std::string> out;
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i]) out.insert(graph.nodes[i].name);
  return out;
}

}  // namespace qflow::flow
