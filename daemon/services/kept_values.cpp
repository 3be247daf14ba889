#include "daemon/services/kept_values.hpp"

#include <algorithm>

#include "daemon/engine/kept_workers.hpp"
#include "daemon/engine/outcome_json.hpp"

namespace qflow::services {
namespace {

Task<std::shared_ptr<engine::KeptWorker>> take_on_engine(Services& services, std::string user, std::string workflow) {
  co_return services.engine.kept_workers().take(user, workflow);
}

}  // namespace

Task<std::shared_ptr<engine::KeptWorker>> take_kept(Services& services, std::string user, std::string workflow_id) {
  auto take = [&services, user = std::move(user), workflow = std::move(workflow_id)] {
    return take_on_engine(services, user, workflow);
  };
  auto kept = co_await on_engine(services, std::move(take));
  co_return kept;
}

Task<> forget_kept(Services& services) {
  auto forget = [&services]() -> Task<> {
    services.engine.kept_workers().clear();
    co_return;
  };
  co_await on_engine(services, std::move(forget));
}

std::set<std::string> usable_values(const flow::Graph& graph, const PartialRun& part, const engine::Order& order) {
  std::set<std::string> out;
  const bool latest = part.reuse && *part.reuse == order.kept->latest;
  const std::set<std::string> dirty = flow::with_followers(graph, part.dirty);
  for (const flow::Node& node : graph.nodes) {
    const auto value = order.kept->values.find(node.id);
    const auto lineage = order.lineages.find(node.id);
    if (value == order.kept->values.end() || lineage == order.lineages.end() ||
        value->second.lineage != lineage->second || dirty.count(node.name) != 0 || part.pins.count(node.name) != 0 ||
        part.destination == node.name || part.destination == node.id)
      continue;
    const auto seen = part.seen.find(node.name);
    const auto& executions = value->second.executions;
    const auto is_in = [&](const std::string& id) {
      return std::find(executions.begin(), executions.end(), id) != executions.end();
    };
    if ((seen != part.seen.end() && is_in(seen->second)) || (part.reuse_latest && latest) ||
        (part.reuse && is_in(*part.reuse)))
      out.insert(node.name);
  }
  return out;
}

bool fits_kept(const flow::Plan& plan, const engine::KeptWorker& kept) {
  return plan.sandboxes.size() == 1 && plan.python == kept.python && plan.environment == kept.environment &&
         json::serialize(json::value(engine::sandbox_text(plan.sandboxes[0]))) == kept.sandbox;
}

}  // namespace qflow::services
