#include "daemon/api/workflows/ai.hpp"

#include "daemon/base/members.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/code_writer.hpp"
#include "daemon/services/workflow_advice.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::api {
namespace {

// The workflow that a body names by `workflowId` or holds as `workflow`; a lone `code` is a workflow of one node.
Task<flow::Graph> graph_in(Services& services, const Request& request, Body& body) {
  if (const auto id = body.text("workflowId", 100)) {
    body.check();
    const services::TaggedWorkflow stored = co_await services::find_workflow(services, *request.caller, *id);
    co_return services::graph_of(stored.workflow);
  }
  const json::object* workflow = body.object("workflow");
  const auto code = body.text("code", 1U << 20U);
  if (workflow == nullptr && !code) body.problem("/workflowId", "required, or workflow, or code");
  body.check();
  if (workflow != nullptr) co_return flow::read_workflow(*workflow);
  co_return services::graph_of_code(*code);
}

}  // namespace

Task<Reply> ai_explain(Services& services, const Request& request) {
  Body body(request.json_object());
  const flow::Graph graph = co_await graph_in(services, request, body);
  const services::Explanation explained = services::explain_workflow(graph);
  json::array nodes;
  for (const auto& node : explained.nodes)
    nodes.push_back(json::object{{"id", node.id},
                                 {"name", node.name},
                                 {"explanation", node.text},
                                 {"takes_from", json::value_from(node.takes_from)},
                                 {"gives_to", json::value_from(node.gives_to)},
                                 {"imports", json::value_from(node.imports)}});
  co_return Reply::of(json::object{{"explanation", explained.text}, {"nodes", std::move(nodes)}});
}

Task<Reply> ai_optimize(Services& services, const Request& request) {
  Body body(request.json_object());
  const flow::Graph graph = co_await graph_in(services, request, body);
  const services::Advice advice = services::advise(graph, *services.settings.get());
  json::array suggestions;
  for (const auto& one : advice.suggestions)
    suggestions.push_back(json::object{{"kind", one.kind}, {"node", one.node}, {"message", one.message}});
  co_return Reply::of(json::object{{"suggestions", std::move(suggestions)},
                                   {"independent_nodes", json::value_from(advice.independent)}});
}

Task<Reply> ai_generate(Services& services, const Request& request) {
  Body body(request.json_object());
  std::string prompt = body.required("prompt", 32U << 10U);
  body.check();
  const services::WrittenCode written = co_await services::write_code(services, std::move(prompt));
  co_return Reply::of(json::object{{"code", written.code}, {"text", written.text}, {"model", written.model}});
}

}  // namespace qflow::api
