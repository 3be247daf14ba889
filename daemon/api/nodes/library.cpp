#include "daemon/api/nodes/library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/api/nodes/trial_view.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/node_trial.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/store/tag_rows.hpp"

namespace qflow::api {
namespace {

using store::Tagged;

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

bool is_builtin(const std::string& name) { return name == "qflow.python" || name == "python"; }

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

json::object view_with_tags(sqlite::Db& db, const store::PythonNode& n) {
  return view(n, store::tags_of(db, Tagged::nodes, n.id));
}

void take(Body& body, store::PythonNode& node) {
  if (body.has("name")) node.name = body.required("name", 200);
  node.description = body.text("description", 4000).value_or(node.description);
  if (body.has("code")) node.code = body.required("code", 1U << 20U);
  node.main_function = body.text("main_function", 200).value_or(node.main_function);
  node.python_version = body.text("python_version", 20).value_or(node.python_version);
  if (const auto list = body.texts("dependencies")) node.dependencies = json::serialize(json::value_from(*list));
  if (const json::object* types = body.object("input_types")) node.input_types = json::serialize(*types);
  if (const json::object* types = body.object("output_types")) node.output_types = json::serialize(*types);
  node.is_template = body.flag("is_template").value_or(node.is_template);
  node.is_public = body.flag("is_public").value_or(node.is_public);
  node.is_converter = body.flag("is_converter").value_or(node.is_converter);
}

json::object code_body(const store::PythonNode& node) {
  json::object body{{"code", node.code}};
  if (!node.main_function.empty()) body["function"] = node.main_function;
  if (!node.python_version.empty()) body["python_version"] = node.python_version;
  return body;
}

// A converter takes one value and declares the types it converts from and to.
Task<> require_converter(Services& services, const Request& request, const store::PythonNode& node) {
  const json::object code = code_body(node);
  const services::DescribedNode described = co_await services::describe_node(services, code, request.caller->user_id);
  const schema::NodeFunction* main = described.description->find(node.main_function);
  const auto refuse = [](const std::string& why) {
    throw Fault(FaultKind::bad_input, "invalid_converter", "/is_converter: " + why);
  };
  if (main == nullptr || !described.description->error.empty())
    refuse("the code cannot be used: " + described.description->error);
  const auto required =
      std::count_if(main->inputs.begin(), main->inputs.end(), [](const auto& p) { return p.required; });
  if (main->inputs.empty() || required > 1) refuse("a converter is a function with one required parameter");
  if (main->inputs.front().type.kind == schema::Type::Kind::any || main->output.type.kind == schema::Type::Kind::any)
    refuse("annotate the parameter and the result with the types to convert from and to");
}

// Fills in the types from the code's own functions where the client gave none. Code that does not load is kept as it
// is: people save unfinished work.
Task<> fill_types(Services& services, const Request& request, Body& body, store::PythonNode& node) {
  if (!body.has("code") || (body.has("input_types") && body.has("output_types") && !node.main_function.empty()))
    co_return;
  const json::object code = code_body(node);
  const services::DescribedNode described = co_await services::describe_node(services, code, request.caller->user_id);
  const schema::NodeDescription& d = *described.description;
  const schema::NodeFunction* main = d.find(node.main_function);
  if (!d.error.empty() || main == nullptr) co_return;
  node.main_function = main->name;
  const auto type_of = [&](const schema::NodePort& port) {
    return json::value(described.catalog->documented(port.type, d.classes).name);
  };
  json::object inputs;
  for (const auto& port : main->inputs) inputs[port.name] = type_of(port);
  if (!body.has("input_types")) node.input_types = json::serialize(inputs);
  if (!body.has("output_types")) node.output_types = json::serialize(json::object{{"output", type_of(main->output)}});
}

// Settles a converter's final form before anybody asks for a suggestion.
Task<> settle_types(Services& services, const Request& request, Body& body, store::PythonNode& node) {
  co_await fill_types(services, request, body, node);
  if (node.is_converter) co_await require_converter(services, request, node);
}

std::optional<store::PythonNode> find_visible(sqlite::Db& db, const Request& request) {
  return store::find_python_node(db, request.parameter("id"), request.caller->owner_filter());
}

store::PythonNode find_own(sqlite::Db& db, const Request& request) {
  const auto node = find_visible(db, request);
  if (!node) throw missing("node", request.parameter("id"));
  if (!request.caller->sees_all() && node->created_by != request.caller->user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a node may change it; copy it instead");
  return *node;
}

Task<store::PythonNode> load(Services& services, const Request& request) {
  auto job = [&request](sqlite::Db& db) { return find_visible(db, request); };
  const auto node = co_await services.store.read(std::move(job));
  if (!node) throw missing("node", request.parameter("id"));
  co_return *node;
}

}  // namespace

Task<Reply> list_nodes(Services& services, const Request& request) {
  store::PythonNodeQuery query;
  query.owner = request.caller->owner_filter();
  query.text = request.text("search").value_or("");
  query.tag_id = request.text("tag");
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  query.take = request.integer("take", 100, 1, 250);
  auto job = [query](sqlite::Db& db) {
    std::int64_t count = 0;
    json::array rows;
    for (const auto& row : store::list_python_nodes(db, query, count)) {
      json::object one = view_with_tags(db, row);
      one.erase("code");  // GET /nodes/{id} has it
      rows.push_back(std::move(one));
    }
    return rows;
  };
  const json::array library = co_await services.store.read(std::move(job));
  json::array out;
  if (query.skip == 0 && query.text.empty() && !query.tag_id) out.push_back(python_type(*services.settings.get()));
  for (const auto& node : library) out.push_back(node);
  co_return Reply::of(json::value(out));
}

Task<Reply> create_node(Services& services, const Request& request) {
  Body body(request.json_object());
  store::PythonNode node;
  node.id = new_id();
  body.required("name", 200);
  body.required("code", 1U << 20U);
  take(body, node);
  body.check();
  const auto tags = services::tags_in(body.whole());
  node.created_by = request.caller->user_id;
  node.created_at = node.updated_at = now_us();
  co_await settle_types(services, request, body, node);
  auto job = [node, tags](sqlite::Tx& tx) {
    store::insert_python_node(tx, node);
    if (tags) store::set_tags(tx, Tagged::nodes, node.id, *tags);
    return view_with_tags(*tx.operator->(), node);
  };
  const json::object made = co_await services.store.write(std::move(job));
  co_return Reply::of(201, made);
}

Task<Reply> get_node(Services& services, const Request& request) {
  if (is_builtin(request.parameter("id"))) co_return Reply::of(python_type(*services.settings.get()));
  auto job = [&request](sqlite::Db& db) {
    const auto node = find_visible(db, request);
    if (!node) throw missing("node", request.parameter("id"));
    return view_with_tags(db, *node);
  };
  const json::object out = co_await services.store.read(std::move(job));
  co_return Reply::of(out);
}

Task<Reply> get_node_description(Services& services, const Request& request) {
  json::object out = python_type(*services.settings.get());
  if (is_builtin(request.parameter("id"))) co_return Reply::of(out);
  const store::PythonNode node = co_await load(services, request);
  out["displayName"] = node.name;
  out["description"] = node.description;
  // Follows the live function: its ports are the handles, its schema is the form.
  const json::object code = code_body(node);
  const services::DescribedNode described = co_await services::describe_node(services, code, request.caller->user_id);
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
  auto find = [&request](sqlite::Db& db) { return find_own(db, request); };
  store::PythonNode node = co_await services.store.read(std::move(find));
  take(body, node);
  body.check();
  const auto tags = services::tags_in(body.whole());
  co_await settle_types(services, request, body, node);
  node.updated_at = now_us();
  auto job = [node, tags, &request](sqlite::Tx& tx) {
    find_own(*tx.operator->(), request);  // it may be gone by now
    store::update_python_node(tx, node);
    if (tags) store::set_tags(tx, Tagged::nodes, node.id, *tags);
    return view_with_tags(*tx.operator->(), *store::find_python_node(*tx.operator->(), node.id, std::nullopt));
  };
  const json::object changed = co_await services.store.write(std::move(job));
  co_return Reply::of(changed);
}

Task<Reply> delete_node(Services& services, const Request& request) {
  auto job = [&request](sqlite::Tx& tx) { store::delete_python_node(tx, find_own(*tx.operator->(), request).id); };
  co_await services.store.write(std::move(job));
  co_return Reply::success();
}

Task<Reply> list_node_versions(Services& services, const Request& request) {
  auto job = [&request](sqlite::Db& db) {
    if (!find_visible(db, request)) throw missing("node", request.parameter("id"));
    return store::node_versions(db, request.parameter("id"));
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array data;
  for (const auto& row : rows) data.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(data)}});
}

Task<Reply> get_node_version(Services& services, const Request& request) {
  const std::string& text = request.parameter("version");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) throw missing("version", text);
  auto job = [&request, number](sqlite::Db& db) {
    const auto version =
        find_visible(db, request) ? store::find_node_version(db, request.parameter("id"), number) : std::nullopt;
    if (!version)
      throw missing("version", fmt::format("{} of node {}", request.parameter("version"), request.parameter("id")));
    return *version;
  };
  const auto version = co_await services.store.read(std::move(job));
  co_return Reply::of(view(version));
}

// Runs the stored code with the body's input_data.
Task<Reply> test_node(Services& services, const Request& request) {
  const store::PythonNode node = co_await load(services, request);
  json::object body = code_body(node);
  const json::object given = request.json_object();
  for (const char* name : {"input_data", "timeout", "memory", "sandbox"})
    if (const json::value* value = given.if_contains(name)) body[name] = *value;
  const engine::Outcome outcome = co_await services::try_node(services, body, request.caller->user_id);
  co_return Reply::of(trial_view(outcome));
}

}  // namespace qflow::api
