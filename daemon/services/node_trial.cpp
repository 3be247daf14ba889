#include "daemon/services/node_trial.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/near_name.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {
namespace {

bool is_refused(const schema::NodeFinding& finding, const workers::Sandbox& sandbox) {
  return !(finding.needs == "network" && sandbox.network == sandbox::Network::host) &&
         !(finding.needs == "programs" && sandbox.programs);
}

Task<engine::Outcome> run_on_engine(Services& services, engine::Order order) {
  // Make the awaitable first, then wait: see daemon/README.md on g++ 12.
  auto running = services.engine.run(std::move(order), nullptr);
  co_return co_await std::move(running);
}

}  // namespace

Task<engine::Outcome> run_unrecorded(Services& services, engine::Order order) {
  order.ticket = admit(services, order.created_by);
  engine::Outcome outcome = co_await run_admitted(services, std::move(order));
  co_return outcome;
}

Task<engine::Outcome> run_admitted(Services& services, engine::Order order) {
  auto job = [&services, order = std::move(order)]() mutable { return run_on_engine(services, std::move(order)); };
  engine::Outcome outcome = co_await on_engine(services, std::move(job));
  co_return outcome;
}

// A workflow of the one node that the body describes.
flow::Plan plan_of_node(const Services& services, const json::object& body) {
  static const std::vector<std::string> kMembers{"code",    "function",   "python_version", "timeout", "memory",
                                                 "sandbox", "input_data", "dependencies",   "execute"};
  std::size_t looks = 0;
  for (const auto& [key, value] : body) {
    const std::string name(key);
    if (++looks > 100) break;  // a body may have a million members
    if (std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end()) continue;
    if (const std::string like = near_member(name, kMembers); !like.empty())
      throw Fault(FaultKind::bad_input, "invalid_body",
                  fmt::format("/{}: there is no such member; did you mean {}?", name, like));
  }
  json::object node{{"id", "node"}, {"name", "node"}, {"type", "qflow.python"}};
  const json::value* code = body.if_contains("code");
  if (code == nullptr || !code->is_string())
    throw Fault(FaultKind::bad_input, "missing_code", "/code: required, a string with the node's Python code");
  if (code->get_string().empty()) throw Fault(FaultKind::bad_input, "missing_code", "/code: is empty");
  if (const json::value* list = body.if_contains("dependencies"); list != nullptr && !list->is_null()) {
    const bool texts = list->is_array() && std::all_of(list->get_array().begin(), list->get_array().end(),
                                                       [](const json::value& one) { return one.is_string(); });
    if (!texts) throw Fault(FaultKind::bad_input, "invalid_body", "/dependencies: expected a list of strings");
  }
  for (const char* name : {"code", "function", "python_version", "timeout", "memory", "sandbox"}) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr || value->is_null()) continue;
    const bool number = name == std::string_view("timeout");
    if (name == std::string_view("memory") || name == std::string_view("sandbox")) {
      node[name] = *value;  // checked when the node is read
      continue;
    }
    if (number ? !value->is_number() : !value->is_string())
      throw Fault(FaultKind::bad_input, "invalid_body",
                  fmt::format("/{}: expected a {}", name, number ? "number" : "string"));
    if (number && value->to_number<double>() <= 0)
      throw Fault(FaultKind::bad_input, "invalid_body", fmt::format("/{}: expected a number greater than 0", name));
    node[name] = *value;
  }
  return flow::make_plan(flow::read_workflow({{"nodes", json::array{node}}}), *services.settings.get());
}

Task<engine::Outcome> try_node(Services& services, const json::object& body, const std::string& who) {
  engine::Order order;
  order.created_by = who;
  order.plan = plan_of_node(services, body);
  if (const json::value* input = body.if_contains("input_data"); input != nullptr && !input->is_null())
    order.input = *input;
  engine::Outcome outcome = co_await run_unrecorded(services, std::move(order));
  co_return outcome;
}

Task<DescribedNode> describe_node(Services& services, const json::object& body, const std::string& who) {
  const flow::Plan plan = plan_of_node(services, body);
  check::NodeSource source = check::sources_of(plan, who).front();
  if (const json::value* execute = body.if_contains("execute"); execute != nullptr && execute->is_bool())
    source.execute = execute->get_bool();
  auto job = [source = std::move(source)](check::Describer& describer) { return describer.describe(source); };
  DescribedNode out;
  out.description = co_await on_describer(services, std::move(job));
  out.catalog = co_await catalog_of(services, who);
  const schema::NodeDescription& d = *out.description;
  if (!d.error.empty()) out.errors.push_back(d.error);
  out.warnings = d.warnings;
  out.warnings.insert(out.warnings.end(), d.unresolved.begin(), d.unresolved.end());
  for (const auto& import : d.imports)
    if (!import.present && !import.optional)
      out.warnings.push_back(fmt::format("line {}: {} is not installed; it is probably in the package {}", import.line,
                                         import.module, fmt::join(import.distributions, " or ")));
  for (const auto& finding : d.findings)
    if (is_refused(finding, plan.sandboxes.front()))
      out.warnings.push_back(fmt::format("line {}: {}", finding.line, finding.message));
  co_return out;
}

}  // namespace qflow::services
