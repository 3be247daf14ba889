#include "daemon/services/concurrency_key.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/node_trial.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

constexpr std::size_t kMostKey = 200;  // bytes
constexpr const char* kPointer = "/settings/concurrency/key";

}  // namespace

Task<std::string> concurrency_key(Services& services, const flow::Graph& graph, std::optional<json::value> input,
                                  std::string who, std::shared_ptr<engine::Ticket> ticket) {
  if (graph.concurrency.limit == 0 || graph.concurrency.key.empty()) co_return std::string();
  json::object fields;
  fields["key"] = graph.concurrency.key;
  json::object node{{"id", "key"}, {"type", "qflow.set"}};
  node["parameters"] = json::object{{"fields", std::move(fields)}, {"keep", "none"}};
  json::object document;
  document["nodes"] = json::array{std::move(node)};
  engine::Order order;
  order.plan = flow::make_plan(flow::read_workflow(document), *services.settings.get());
  order.created_by = std::move(who);
  order.in_parents_place = ticket == nullptr;
  order.ticket = std::move(ticket);
  order.input = std::move(input);
  order.input_rules = flow::InputRules::open;
  const engine::Outcome outcome = co_await run_admitted(services, std::move(order));
  const engine::StepRun& run = outcome.steps.front();
  if (outcome.error || !run.result)
    throw Fault(FaultKind::bad_input, "concurrency_key",
                fmt::format("{}: {}", kPointer,
                            outcome.error ? outcome.error->type + ": " + outcome.error->message : "it has no value"));
  const json::value made = stored_json(run.result->preview);
  const json::value* key = made.is_object() ? made.get_object().if_contains("key") : nullptr;
  if (key == nullptr || key->is_structured() || !run.result->exact || run.result->preview.size() > kMostKey)
    throw Fault(FaultKind::bad_input, "concurrency_key",
                fmt::format("{}: expected a text, a number, a truth value or None, of at most {} bytes; it is {}",
                            kPointer, kMostKey, run.result->preview.substr(0, 100)));
  co_return json::serialize(*key);
}

engine::ConcurrencyRule concurrency_rule(const flow::Graph& graph, const std::optional<std::string>& workflow_id,
                                         const std::string& key) {
  return {graph.concurrency.limit, graph.concurrency.overlap, workflow_id.value_or("") + "\n" + key};
}

}  // namespace qflow::services
