#include "daemon/services/partial_run.hpp"

#include "daemon/flow/plan.hpp"
#include "daemon/services/kept_values.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostReused = 16 << 20;  // bytes of an execution's record

// The value of a task as an editor has it: ours exactly where the reply said so, otherwise what its items show.
std::optional<json::value> value_in_task(const json::object& task) {
  const auto member = [](const json::object& object, const char* name) -> const json::object* {
    const json::value* value = object.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
  };
  if (const json::value* error = task.if_contains("error"); error != nullptr && !error->is_null()) return std::nullopt;
  if (const json::object* own = member(task, "qflow")) {
    const auto is = [&](const char* name, bool wanted) {
      const json::value* value = own->if_contains(name);
      return value != nullptr && value->is_bool() && value->get_bool() == wanted;
    };
    if (is("exact", true) && is("truncated", false))
      if (const json::value* value = own->if_contains("value")) return *value;
    return std::nullopt;
  }
  const json::object* data = member(task, "data");
  const json::value* outputs = data == nullptr ? nullptr : data->if_contains("main");
  if (outputs == nullptr || !outputs->is_array() || outputs->get_array().empty()) return std::nullopt;
  const json::array* items = outputs->get_array().front().if_array();
  if (items == nullptr) return std::nullopt;
  return flow::value_of_items(*items);
}

}  // namespace

flow::Pins settled_pins(const flow::Graph& graph, const PartialRun& part) {
  flow::Pins out = part.pins;
  const std::set<std::string> dirty = flow::with_followers(graph, part.dirty);
  for (const auto& [name, value] : part.known)
    if (dirty.count(name) == 0 && part.destination != name) out.emplace(name, value);
  return out;
}

namespace {

// Without a destination, an editor's pins leave nothing out: what comes before them may be wanted for what it does.
flow::Plan plan_with(const flow::Graph& graph, const workers::Settings& settings, const PartialRun& part,
                     const flow::Pins& pins, std::set<std::string> given) {
  for (const auto& [name, value] : pins)
    if (part.destination || part.pins.count(name) == 0) given.insert(name);
  return flow::make_plan(graph, settings, part.destination, given);
}

}  // namespace

void plan_part(const flow::Graph& graph, const workers::Settings& settings, const PartialRun& part,
               engine::Order& order) {
  flow::Pins pins = settled_pins(graph, part);
  std::set<std::string> live = order.kept ? usable_values(graph, part, order) : std::set<std::string>();
  order.plan = plan_with(graph, settings, part, pins, live);
  if (!live.empty() && !fits_kept(order.plan, *order.kept)) {
    live.clear();
    order.plan = plan_with(graph, settings, part, pins, live);
  }
  for (std::size_t i = 0; i < order.plan.steps.size(); ++i) {
    const flow::Node& node = order.plan.steps[i].node;
    if (live.count(node.name) == 0) continue;
    order.live[i] = node.id;
    pins.erase(node.name);
  }
  order.pins = flow::pins_of(graph, order.plan, pins);
  if (order.live.empty()) return order.kept.reset();
  std::set<std::string> run;
  for (std::size_t i = 0; i < order.plan.steps.size(); ++i)
    if (!order.gives(i)) run.insert(order.plan.steps[i].node.name);
  const std::set<std::string> after = flow::with_followers(graph, run);
  for (const flow::Node& node : graph.nodes)
    if (after.count(node.name) != 0) order.outdated.insert(node.id);
}

std::string document_with_part(const std::string& document, const flow::Graph& graph, const PartialRun& part) {
  if (part.is_whole()) return document;
  json::value out = stored_json(document);
  json::object pins;
  for (const auto& [name, value] : settled_pins(graph, part)) pins[name] = value;
  out.as_object()["pins"] = std::move(pins);
  if (part.destination) out.as_object()["destinationNode"] = *part.destination;
  return json::serialize(out);
}

PartialRun part_in(const json::object& document) {
  PartialRun part;
  if (const json::value* pins = document.if_contains("pins"); pins != nullptr && pins->is_object())
    for (const auto& [name, value] : pins->get_object()) part.pins[std::string(name)] = value;
  if (const json::value* name = document.if_contains("destinationNode"); name != nullptr && name->is_string())
    part.destination = std::string(std::string_view(name->get_string()));
  return part;
}

flow::Pins recorded_values(sqlite::Db& db, const std::string& execution_id) {
  flow::Pins out;
  for (const store::NodeExecution& row : store::nodes_of(db, execution_id, kMostReused)) {
    const bool exact = row.output_exact.value_or(false) && !row.output_truncated.value_or(true) && row.left_out == 0;
    if (row.status != "completed" || row.loop_index || row.live || !exact || !row.output_data) continue;
    if (row.node_type == "qflow.for_each" || row.node_type == "qflow.while") continue;
    out[row.node_name] = stored_json(*row.output_data);
  }
  return out;
}

std::optional<std::string> last_execution(sqlite::Db& db, const std::string& workflow_id) {
  store::ExecutionQuery query;
  query.workflow_id = workflow_id;
  query.statuses = R"(["completed","failed"])";
  query.limit = 100;
  for (const store::Execution& row : store::list_executions(db, query).rows)
    if (row.mode == "manual") return row.id;
  return std::nullopt;
}

std::map<std::string, std::string> seen_in_run_data(const json::object& run_data) {
  std::map<std::string, std::string> out;
  for (const auto& [name, runs] : run_data) {
    if (!runs.is_array() || runs.get_array().empty()) continue;
    const json::object* task = runs.get_array().back().if_object();
    const json::value* own = task == nullptr ? nullptr : task->if_contains("qflow");
    const json::value* id =
        own != nullptr && own->is_object() ? own->get_object().if_contains("execution_id") : nullptr;
    if (id != nullptr && id->is_string()) out[std::string(name)] = std::string(std::string_view(id->get_string()));
  }
  return out;
}

flow::Pins values_in_run_data(const json::object& run_data) {
  flow::Pins out;
  for (const auto& [name, runs] : run_data) {
    if (!runs.is_array() || runs.get_array().empty()) continue;
    const json::object* last = runs.get_array().back().if_object();
    if (last == nullptr) continue;
    if (auto value = value_in_task(*last)) out[std::string(name)] = std::move(*value);
  }
  return out;
}

}  // namespace qflow::services
