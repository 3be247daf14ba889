#include "daemon/api/nodes/compatible_nodes.hpp"

#include "daemon/services/fitting_nodes.hpp"

namespace qflow::api {
namespace {

json::object view(const services::FittingNode& node) {
  return {{"id", node.id},
          {"name", node.name},
          {"description", node.description},
          {"function", node.function},
          {"port", node.port},
          {"type", node.type},
          {"python_type", node.python_type},
          {"fits", node.fits},
          {"conversion_required", node.conversion_required},
          {"explanation", node.explanation},
          {"is_converter", node.is_converter},
          {"score", node.score}};
}

}  // namespace

Task<Reply> compatible_nodes(Services& services, const Request& request) {
  services::PortQuestion question;
  question.type = request.text("type");
  question.output = request.text("direction").value_or("output") != "input";
  question.workflow = request.text("workflow");
  question.node = request.text("node").value_or("");
  question.port = request.text("port").value_or("");
  const auto take = static_cast<std::size_t>(request.integer("take", 20, 1, 250));
  if (!question.type && question.node.empty())
    throw Fault(FaultKind::bad_input, "invalid_query",
                "node: required: a library node's id or, with workflow=, a node of that workflow; or give type=");
  const services::FittingNodes found =
      co_await services::fitting_nodes(services, *request.caller, std::move(question), take);
  json::array nodes;
  for (const auto& node : found.nodes) nodes.push_back(view(node));
  co_return Reply::of(json::object{{"port", found.output ? "output" : "input"},
                                   {"name", found.port},
                                   {"python_type", schema::text(found.type)},
                                   {"nodes", std::move(nodes)},
                                   {"count", found.all},
                                   {"pending", found.pending}});
}

}  // namespace qflow::api
