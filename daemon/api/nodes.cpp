// /nodes/python: try a node's code out without storing it.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/handlers.hpp"
#include "daemon/api/node_code.hpp"
#include "daemon/api/typing_view.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/engine/reader.hpp"
#include "schema/messages.hpp"

namespace qflow::api {
// A workflow of the one node that the body describes.
engine::Plan plan_of_node(const Services& services, const json::object& body) {
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
      node[name] = *value;  // read with the node
      continue;
    }
    if (number ? !value->is_number() : !value->is_string())
      throw Fault(FaultKind::bad_input, "invalid_body",
                  fmt::format("/{}: expected a {}", name, number ? "number" : "string"));
    if (number && value->to_number<double>() <= 0)
      throw Fault(FaultKind::bad_input, "invalid_body", fmt::format("/{}: expected a number greater than 0", name));
    node[name] = *value;
  }
  return engine::make_plan(engine::read_workflow({{"nodes", json::array{node}}}), *services.settings.get());
}

namespace {

Task<engine::Outcome> run_on_engine(Services& services, engine::Order order) {
  // The awaitable first, then the wait: see daemon/README.md on g++ 12.
  auto running = services.engine.run(std::move(order), nullptr);
  co_return co_await std::move(running);
}

}  // namespace

Task<json::object> try_node(Services& services, const json::object& body) {
  engine::Order order;
  order.plan = plan_of_node(services, body);
  if (services.engine.waiting() >= services.config.get()->engine.max_waiting)
    throw Fault(FaultKind::unavailable, "busy", "as many executions as may wait are waiting already; try again later");
  if (const json::value* input = body.if_contains("input_data"); input != nullptr && !input->is_null())
    order.input = *input;
  auto job = [&services, order = std::move(order)]() mutable { return run_on_engine(services, std::move(order)); };
  const engine::Outcome outcome = co_await on_engine(services, std::move(job));
  const engine::StepRun& run = outcome.steps.front();
  json::object reply{{"success", outcome.status == engine::Status::completed},
                     {"output", nullptr},
                     {"execution_time", outcome.duration_ms - outcome.queue_ms},
                     {"error", nullptr}};
  if (run.result) {
    std::string error;
    reply["output"] = schema::parse_json(run.result->preview, error, 200);
    reply["type"] = run.result->type;
    reply["exact"] = run.result->exact;
    reply["truncated"] = run.result->truncated;
  }
  reply["outcome"] = engine::word(outcome.cause());
  reply["denied"] = engine::denied_json(run.denied);
  reply["resource_usage"] = engine::usage_json(run.usage);
  if (outcome.error) {
    reply["error"] = outcome.error->type + (outcome.error->message.empty() ? "" : ": " + outcome.error->message);
    reply["traceback"] = outcome.error->traceback;
    if (outcome.error->line) reply["line"] = *outcome.error->line;
    else reply["line"] = nullptr;
  }
  reply["stdout"] = run.standard_output.text;
  reply["stderr"] = run.standard_error.text;
  reply["output_dropped"] = run.standard_output.dropped + run.standard_error.dropped;
  reply["warnings"] = json::value_from(run.warnings);
  co_return reply;
}

Task<Reply> execute_node(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const json::object reply = co_await try_node(services, body);
  co_return Reply::of(reply);
}

namespace {

// What the editor's mock shows: the main function's first input and its output, then every function's ports.
json::object suggested_types(const json::object& description) {
  json::object types;
  for (const auto& view : description.at("functions").as_array()) {
    const auto& inputs = view.at("inputs").as_array();
    if (view.at("name") == description.at("function")) {
      types["input"] = inputs.empty() ? json::value("any") : inputs.front().at("type");
      types["output"] = view.at("outputs").as_array().front().at("type");
    }
    types[view.at("name").as_string()] = json::object{{"inputs", view.at("inputs")}, {"outputs", view.at("outputs")}};
  }
  return types;
}

bool is_refused(const schema::NodeFinding& finding, const workers::Sandbox& sandbox) {
  return !(finding.needs == "network" && sandbox.network == sandbox::Network::host) &&
         !(finding.needs == "programs" && sandbox.programs);
}

}  // namespace

Task<NodeDescription> describe_node(Services& services, const Request& request, const json::object& body) {
  const engine::Plan plan = plan_of_node(services, body);
  engine::NodeSource source = engine::sources_of(plan, request.caller->user_id).front();
  if (const json::value* execute = body.if_contains("execute"); execute != nullptr && execute->is_bool())
    source.execute = execute->get_bool();
  auto job = [source = std::move(source)](engine::Describer& describer) { return describer.describe(source); };
  NodeDescription out;
  out.description = co_await on_describer(services, std::move(job));
  out.catalog = co_await catalog_for(services, request);
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

Task<Reply> validate_node(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const NodeDescription node = co_await describe_node(services, request, body);
  const schema::NodeDescription& d = *node.description;
  json::array functions;
  for (const auto& function : d.functions) functions.push_back(json::value(function.name));
  const json::object view = description_view(d, *node.catalog);
  json::object reply{{"valid", node.errors.empty()},
                     {"errors", json::value_from(node.errors)},
                     {"warnings", json::value_from(node.warnings)},
                     {"functions", std::move(functions)},
                     {"suggested_types", suggested_types(view)},
                     {"description", view}};
  co_return Reply::of(reply);
}

}  // namespace qflow::api
