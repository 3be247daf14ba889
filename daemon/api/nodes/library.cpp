#include "daemon/api/nodes/library.hpp"

#include "daemon/api/nodes/trial_view.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/control_types.hpp"
#include "daemon/services/node_library.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::api {
namespace {

// The built-in type, in the form in which the editor knows node types.
json::object python_type(const workers::Settings& settings) {
  json::array versions;
  for (const auto& [version, path] : settings.pythons) versions.push_back(json::value(version));
  return {{"type", "qflow.python"},
          {"displayName", "Python"},
          {"description", "Run a Python function"},
          {"inputs", json::array{"main"}},
          {"outputs", json::array{"main"}},
          {"properties",
           {{"code", {{"type", "string"}, {"required", true}}},
            {"function", {{"type", "string"}}},
            {"dependencies", {{"type", "array"}}},
            {"timeout", {{"type", "number"}, {"default", settings.node_seconds}}},
            {"python_version", {{"type", "string"}, {"default", settings.default_python}, {"options", versions}}}}}};
}

json::object flow_type(const flow::ControlType& type) {
  json::object properties;
  for (const flow::ControlParameter& one : type.parameters) {
    json::object property{{"type", one.type}, {"description", one.description}, {"required", one.required}};
    if (!one.initial.is_null()) property["default"] = one.initial;
    if (!one.options.empty()) property["options"] = json::value_from(one.options);
    properties[one.name] = std::move(property);
  }
  return {{"type", type.type},
          {"displayName", type.display_name},
          {"description", type.description},
          {"group", "flow"},
          {"inputs", json::value_from(type.inputs)},
          {"outputs", json::value_from(type.outputs)},
          {"properties", std::move(properties)}};
}

// A node type of ours; nothing for the id of a library node.
std::optional<json::object> builtin(const std::string& name, const workers::Settings& settings) {
  if (name == "qflow.python" || name == "python") return python_type(settings);
  if (const flow::ControlType* type = flow::find_control_type(name)) return flow_type(*type);
  return std::nullopt;
}

json::object view(const store::PythonNode& n, const std::vector<store::Tag>& tags) {
  json::array names;
  for (const auto& tag : tags) names.push_back(json::object{{"id", tag.id}, {"name", tag.name}});
  json::object out{{"id", n.id},
                   {"type", "qflow.python"},
                   {"name", n.name},
                   {"displayName", n.name},
                   {"description", n.description},
                   {"code", n.code},
                   {"main_function", n.main_function},
                   {"python_version", nullptr},
                   {"dependencies", services::stored_json(n.dependencies)},
                   {"input_types", services::stored_json(n.input_types)},
                   {"output_types", services::stored_json(n.output_types)},
                   {"is_template", n.is_template},
                   {"is_public", n.is_public},
                   {"is_converter", n.is_converter},
                   {"created_by", nullptr},
                   {"version", n.version},
                   {"tags", std::move(names)},
                   {"createdAt", iso_time(n.created_at)},
                   {"updatedAt", iso_time(n.updated_at)}};
  if (!n.python_version.empty()) out["python_version"] = n.python_version;
  if (n.created_by) out["created_by"] = *n.created_by;
  return out;
}

json::object view(const store::PythonNodeVersion& v) {
  return {{"node_id", v.node_id},
          {"version", v.version},
          {"code", v.code},
          {"main_function", v.main_function},
          {"dependencies", services::stored_json(v.dependencies)},
          {"input_types", services::stored_json(v.input_types)},
          {"output_types", services::stored_json(v.output_types)},
          {"createdAt", iso_time(v.created_at)}};
}

json::object view(const services::TaggedNode& n) { return view(n.node, n.tags); }

services::NodeDraft node_draft_in(Body& body) {
  services::NodeDraft draft;
  if (body.has("name")) draft.name = body.required("name", 200);
  draft.description = body.text("description", 4000);
  if (body.has("code")) draft.code = body.required("code", 1U << 20U);
  draft.main_function = body.text("main_function", 200);
  draft.python_version = body.text("python_version", 20);
  draft.dependencies = body.texts("dependencies");
  if (const json::object* types = body.object("input_types")) draft.input_types = *types;
  if (const json::object* types = body.object("output_types")) draft.output_types = *types;
  draft.is_template = body.flag("is_template");
  draft.is_public = body.flag("is_public");
  draft.is_converter = body.flag("is_converter");
  return draft;
}

services::NodeDraft checked_draft(Body& body, services::NodeDraft draft) {
  body.check();
  draft.tags = services::tags_in(body.whole());
  return draft;
}

}  // namespace

Task<Reply> list_nodes(Services& services, const Request& request) {
  store::PythonNodeQuery query;
  query.text = request.text("search").value_or("");
  query.tag_id = request.text("tag");
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  query.take = request.integer("take", 100, 1, 250);
  json::array out;
  if (query.skip == 0 && query.text.empty() && !query.tag_id) {
    out.push_back(python_type(*services.settings.get()));
    for (const flow::ControlType& type : flow::control_types()) out.push_back(flow_type(type));
  }
  const auto nodes = co_await services::list_library_nodes(services, *request.caller, std::move(query));
  for (const services::TaggedNode& node : nodes) {
    json::object one = view(node);
    one.erase("code");  // GET /nodes/{id} has it
    out.push_back(std::move(one));
  }
  co_return Reply::of(json::value(std::move(out)));
}

Task<Reply> create_node(Services& services, const Request& request) {
  Body body(request.json_object());
  body.required("name", 200);
  body.required("code", 1U << 20U);
  services::NodeDraft draft = checked_draft(body, node_draft_in(body));
  const services::TaggedNode made = co_await services::create_library_node(services, *request.caller, std::move(draft));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_node(Services& services, const Request& request) {
  if (auto type = builtin(request.parameter("id"), *services.settings.get())) co_return Reply::of(std::move(*type));
  const services::TaggedNode node =
      co_await services::find_library_node(services, *request.caller, request.parameter("id"));
  co_return Reply::of(view(node));
}

Task<Reply> get_node_description(Services& services, const Request& request) {
  if (auto type = builtin(request.parameter("id"), *services.settings.get())) co_return Reply::of(std::move(*type));
  json::object out = python_type(*services.settings.get());
  const services::TaggedNode found =
      co_await services::find_library_node(services, *request.caller, request.parameter("id"));
  const store::PythonNode& node = found.node;
  out["displayName"] = node.name;
  out["description"] = node.description;
  // Follows the live function: its ports are the handles, its schema is the form.
  const services::DescribedNode described = co_await services::describe_library_node(services, *request.caller, node);
  const schema::NodeDescription& d = *described.description;
  json::object view = description_view(d, *described.catalog);
  if (const schema::NodeFunction* function = d.find(node.main_function)) {
    SchemaBudget budget;
    json::object own = function_view(*function, d.classes, *described.catalog, budget);
    if (node.description.empty() && !function->summary.empty()) out["description"] = function->summary;
    if (!own.at("inputs").as_array().empty()) out["inputs"] = own.at("inputs");
    out["outputs"] = own.at("outputs");
    out["input_schema"] = own.at("input_schema");
    out["output_schema"] = own.at("output_schema");
  }
  out["python"] = std::move(view);
  co_return Reply::of(out);
}

Task<Reply> update_node(Services& services, const Request& request) {
  Body body(request.json_object());
  services::NodeDraft draft = checked_draft(body, node_draft_in(body));
  const services::TaggedNode changed =
      co_await services::change_library_node(services, *request.caller, request.parameter("id"), std::move(draft));
  co_return Reply::of(view(changed));
}

Task<Reply> delete_node(Services& services, const Request& request) {
  co_await services::delete_library_node(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> list_node_versions(Services& services, const Request& request) {
  const auto rows = co_await services::library_node_versions(services, *request.caller, request.parameter("id"));
  json::array data;
  for (const auto& row : rows) {
    json::object one = view(row);
    one.erase("code");  // GET /nodes/{id}/versions/{version} has it
    data.push_back(std::move(one));
  }
  co_return Reply::of(json::object{{"data", std::move(data)}});
}

Task<Reply> get_node_version(Services& services, const Request& request) {
  const std::int64_t number = version_in(request);
  const store::PythonNodeVersion version =
      co_await services::find_library_node_version(services, *request.caller, request.parameter("id"), number);
  co_return Reply::of(view(version));
}

// Runs the stored code with the body's input_data.
Task<Reply> test_node(Services& services, const Request& request) {
  json::object given = request.json_object();
  const engine::Outcome outcome =
      co_await services::try_library_node(services, *request.caller, request.parameter("id"), std::move(given));
  co_return Reply::of(trial_view(outcome));
}

}  // namespace qflow::api
