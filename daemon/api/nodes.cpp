// /nodes/python: try a node's code out without storing it.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/handlers.hpp"
#include "daemon/api/node_code.hpp"
#include "daemon/engine/describe.hpp"
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

// "list[int]" → "list": the documented names begin the same way.
std::string documented_type(const std::string& annotation) {
  const std::string name = annotation.substr(0, annotation.find_first_of("[ |"));
  static const std::map<std::string, std::string> kNames{{"str", "string"},   {"int", "integer"}, {"float", "float"},
                                                         {"bool", "boolean"}, {"None", "null"},   {"list", "list"},
                                                         {"dict", "dict"},    {"tuple", "tuple"}, {"set", "set"}};
  const auto found = kNames.find(name);
  return found == kNames.end() || annotation.find('|') != std::string::npos ? "any" : found->second;
}

json::object suggested_types(const schema::Loaded& loaded) {
  json::object types;
  for (const auto& function : loaded.functions) {
    json::array inputs;
    for (const auto& p : function.parameters)
      inputs.push_back(json::object{
          {"name", p.name}, {"type", documented_type(p.type)}, {"python_type", p.type}, {"required", p.required}});
    const std::string output = documented_type(function.returns);
    types[function.name] = json::object{
        {"inputs", inputs},
        {"outputs",
         json::array{json::object{{"name", "output"}, {"type", output}, {"python_type", function.returns}}}}};
    if (function.name == loaded.function) {
      types["input"] = function.parameters.empty() ? "any" : documented_type(function.parameters.front().type);
      types["output"] = output;
    }
  }
  return types;
}

}  // namespace

Task<NodeDescription> describe_node(Services& services, const json::object& body) {
  engine::Plan plan = plan_of_node(services, body);
  auto job = [&services, plan = std::move(plan)]() mutable {
    return engine::describe_code(services.engine.pool(), std::move(plan));
  };
  const engine::Description description = co_await on_engine(services, std::move(job));
  NodeDescription out;
  out.errors = description.errors;
  out.warnings = description.loaded.warnings;
  out.main_function = description.loaded.function;
  for (const auto& function : description.loaded.functions) out.functions.push_back(function.name);
  out.types = suggested_types(description.loaded);
  co_return out;
}

Task<Reply> validate_node(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const NodeDescription description = co_await describe_node(services, body);
  co_return Reply::of(json::object{{"valid", description.errors.empty()},
                                   {"errors", json::value_from(description.errors)},
                                   {"warnings", json::value_from(description.warnings)},
                                   {"functions", json::value_from(description.functions)},
                                   {"suggested_types", description.types}});
}

}  // namespace qflow::api
