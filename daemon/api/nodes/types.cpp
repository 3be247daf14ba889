#include "daemon/api/nodes/types.hpp"

#include <fmt/format.h>

#include "daemon/api/nodes/node_code.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/custom_types.hpp"
#include "daemon/services/type_questions.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/documented_types.hpp"

namespace qflow::api {
namespace {

json::object view(const schema::TypeInfo& t) {
  json::array aliases;
  for (const auto alias : t.aliases) aliases.push_back(json::value(alias));
  return {{"id", t.name},
          {"name", t.name},
          {"category", t.category},
          {"python_type", t.python_type},
          {"description", t.description},
          {"aliases", std::move(aliases)},
          {"is_builtin", true}};
}

json::object view(const store::CustomTypeRow& t) {
  return {{"id", t.id},
          {"name", t.name},
          {"category", t.category},
          {"python_type", t.python_type},
          {"description", t.description},
          {"aliases", json::array()},
          {"definition", services::stored_json(t.definition)},
          {"is_builtin", false},
          {"createdAt", iso_time(t.created_at)},
          {"updatedAt", iso_time(t.updated_at)}};
}

json::object view(const services::TypeAnswer& answer, const std::string& source, const std::string& target) {
  json::array suggestions;
  for (const auto& one : answer.suggestions) suggestions.push_back(one.to_json());
  json::object out{{"source_type", source},
                   {"target_type", target},
                   {"compatible", answer.compatible},
                   {"conversion_required", answer.conversion_required},
                   {"conversion_method", nullptr},
                   {"explanation", answer.explanation},
                   {"suggestions", std::move(suggestions)}};
  if (!answer.method.empty()) out["conversion_method"] = answer.method;
  if (answer.outer_compatible) out["outer_compatible"] = *answer.outer_compatible;
  return out;
}

services::TypeDraft type_draft_in(Body& body) {
  services::TypeDraft draft;
  if (body.has("name")) draft.name = body.required("name", 100);
  draft.category = body.text("category", 50);
  draft.python_type = body.text("python_type", 500);
  draft.description = body.text("description", 2000);
  if (const json::object* definition = body.object("definition")) draft.definition = *definition;
  draft.extends = body.text("extends", 100);  // may also stand next to the name
  services::check_type_draft(draft, body.problems());
  body.check();
  return draft;
}

// The types of a node's ports, from [{name, type}].
std::vector<std::string> port_types(Body& body, const char* side, const char* ports) {
  std::vector<std::string> types;
  const json::object* node = body.object(side);
  if (node == nullptr) return types;
  if (const json::value* one = node->if_contains("type"); one != nullptr && one->is_string())
    types.emplace_back(std::string_view(one->get_string()));
  const json::value* list = node->if_contains(ports);
  if (list != nullptr && list->is_array())
    for (const auto& port : list->get_array())
      if (port.is_object())
        if (const json::value* type = port.get_object().if_contains("type"); type != nullptr && type->is_string())
          types.emplace_back(std::string_view(type->get_string()));
  if (types.empty()) body.problem(std::string("/") + side, fmt::format("expected a type, or {} with types", ports));
  return types;
}

}  // namespace

Task<Reply> list_types(Services& services, const Request&) {
  const auto custom = co_await services::custom_types(services);
  json::array types;
  for (const auto& type : schema::builtin_types()) types.push_back(view(type));
  for (const auto& type : custom) types.push_back(view(type));
  co_return Reply::of(json::object{{"types", std::move(types)}});
}

Task<Reply> create_type(Services& services, const Request& request) {
  Body body(request.json_object());
  body.required("name", 100);
  services::TypeDraft draft = type_draft_in(body);
  const store::CustomTypeRow made = co_await services::create_custom_type(services, *request.caller, std::move(draft));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_type(Services& services, const Request& request) {
  const std::string& id = request.parameter("id");
  if (const auto name = schema::builtin_type(id))
    for (const auto& type : schema::builtin_types())
      if (type.name == *name) co_return Reply::of(view(type));
  const store::CustomTypeRow type = co_await services::find_custom_type(services, id);
  co_return Reply::of(view(type));
}

Task<Reply> update_type(Services& services, const Request& request) {
  Body body(request.json_object());
  services::TypeDraft draft = type_draft_in(body);
  const store::CustomTypeRow changed =
      co_await services::change_custom_type(services, *request.caller, request.parameter("id"), std::move(draft));
  co_return Reply::of(view(changed));
}

Task<Reply> delete_type(Services& services, const Request& request) {
  co_await services::delete_custom_type(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> get_type_matrix(Services&, const Request&) {
  json::array matrix;
  for (const auto& source : schema::builtin_types())
    for (const auto& target : schema::builtin_types()) {
      const schema::Compatibility fits = schema::compatibility(source.name, target.name);
      matrix.push_back(json::object{{"source", source.name},
                                    {"target", target.name},
                                    {"compatible", fits.compatible},
                                    {"conversion_required", fits.conversion_required}});
    }
  co_return Reply::of(json::object{{"matrix", std::move(matrix)}});
}

// Checks two types, or two nodes, which can be connected when an output of the source fits an input of the target.
Task<Reply> check_types(Services& services, const Request& request) {
  Body body(request.json_object());
  if (body.has("code")) {
    // Describing code runs its module.
    if (!request.caller->reaches("nodes:execute"))
      throw Fault(FaultKind::forbidden, "missing_scope",
                  "`code` runs its module in a sandbox, but this API key does not have the scope \"nodes:execute\"");
    co_return co_await validate_node(services, request);
  }
  if (!body.has("source_type") && body.has("source")) {
    const auto outputs = port_types(body, "source", "outputs");
    const auto inputs = port_types(body, "target", "inputs");
    body.check();
    const check::CatalogPtr catalog = co_await services::catalog_of(services, request.caller->user_id);
    const services::PortsAnswer answer = services::compare_ports(services, *catalog, outputs, inputs);
    json::array pairs;
    for (std::size_t i = 0; i < answer.pairs.size(); ++i)
      pairs.push_back(view(answer.pairs[i], outputs[i / inputs.size()], inputs[i % inputs.size()]));
    co_return Reply::of(json::object{
        {"can_connect", answer.can_connect}, {"compatible", answer.can_connect}, {"pairs", std::move(pairs)}});
  }
  const std::string source = body.required("source_type", 1000);
  const std::string target = body.required("target_type", 1000);
  body.check();
  const check::CatalogPtr catalog = co_await services::catalog_of(services, request.caller->user_id);
  co_return Reply::of(view(services::compare_types(services, *catalog, source, target), source, target));
}

Task<Reply> convert_type(Services& services, const Request& request) {
  Body body(request.json_object());
  const std::string source = body.required("source_type", 200);
  const std::string target = body.required("target_type", 200);
  const bool items = body.flag("items").value_or(false);
  if (!body.has("value")) body.problem("/value", "required");
  body.check();
  const json::value& value = body.whole().at("value");
  const services::Converted done = services::convert_value(services, value, source, target, items);
  json::object out{
      {"success", true}, {"value", value}, {"converted_value", done.value}, {"conversion_method", nullptr}};
  if (!done.method.empty()) out["conversion_method"] = done.method;
  co_return Reply::of(out);
}

Task<Reply> compatible_types(Services& services, const Request& request) {
  const std::string& source = request.parameter("type");
  const auto targets = co_await services::types_that_take(services, *request.caller, source);
  co_return Reply::of(json::object{{"type", source}, {"compatible_types", json::value_from(targets)}});
}

Task<Reply> supported_types(Services& services, const Request&) {
  const auto names = co_await services::type_names(services);
  co_return Reply::of(json::object{{"types", json::value_from(names)}});
}

}  // namespace qflow::api
