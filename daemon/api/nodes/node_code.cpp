#include "daemon/api/nodes/node_code.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/nodes/trial_view.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/node_trial.hpp"
#include "schema/messages.hpp"

namespace qflow::api {
Task<Reply> execute_node(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const engine::Outcome outcome = co_await services::try_node(services, body, request.caller->user_id);
  co_return Reply::of(trial_view(outcome));
}

namespace {

// As the editor expects it: the main function's first input and its output, then every function's ports.
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

}  // namespace

Task<Reply> validate_node(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const services::DescribedNode node = co_await services::describe_node(services, body, request.caller->user_id);
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
