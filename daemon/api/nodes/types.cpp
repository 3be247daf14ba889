#include "daemon/api/nodes/types.hpp"

#include "schema/documented_types.hpp"

#include <fmt/format.h>

#include "daemon/api/nodes/node_code.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/typing/convert_node.hpp"
#include "schema/typing/json_schema.hpp"

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

// A documented name, the name of a user's type, or a Python type.
struct Asked {
  std::string name;  ///< as written; for a built-in type, its documented name
  typing::LinkEnd end;
  bool named = false;
  std::string problem;  ///< why it is none of these; empty otherwise
};

Asked read_asked(const std::string& written, const typing::Catalog& catalog) {
  Asked out;
  out.name = written;
  out.named = catalog.knows(written);
  if (out.named) {
    if (const auto known = schema::builtin_type(written)) {
      out.name = std::string(*known);
      out.end.type = schema::type_of_documented(*known);
    } else {
      out.end.declared = written;
    }
    return out;
  }
  const auto known = [&](std::string_view name) { return catalog.find(name) != nullptr; };
  if (const auto type = typing::read_type(written, out.problem, known)) out.end.type = *type;
  out.end.classes = &catalog.classes();
  return out;
}

json::array suggestions_view(const typing::LinkEnd& source, const typing::LinkEnd& target,
                             const typing::Catalog& catalog) {
  json::array out;
  for (const auto& one : typing::suggest(source, target, catalog)) out.push_back(one.to_json());
  return out;
}

json::object checked(Services& services, const typing::Catalog& catalog, const std::string& source,
                     const std::string& target) {
  const auto start = Clock::now();
  const Asked from = read_asked(source, catalog), to = read_asked(target, catalog);
  json::object out{{"source_type", source},        {"target_type", target},        {"compatible", false},
                   {"conversion_required", false}, {"conversion_method", nullptr}, {"explanation", ""},
                   {"suggestions", json::array()}};
  bool fits = false;
  std::string method;
  if (!from.problem.empty() || !to.problem.empty()) {
    out["explanation"] = from.problem.empty() ? to.problem : from.problem;
  } else if (from.named && to.named) {
    // Two names: the documented matrix, exactly.
    const schema::Compatibility answer = catalog.compatibility(from.name, to.name);
    fits = answer.compatible;
    method = std::string(answer.method);
    out["conversion_required"] = answer.conversion_required;
    out["explanation"] = fmt::format("{} → {}: {}{}", source, target, fits ? "fits" : "does not fit",
                                     method.empty() ? "" : "; converter: " + method);
  } else {
    const typing::Link link = typing::check_link(from.end, to.end, catalog);
    fits = link.compatible && link.fits;
    method = link.method;
    out["conversion_required"] = link.conversion_required || (!fits && !method.empty());
    out["outer_compatible"] = link.compatible;
    out["explanation"] = link.explanation;
  }
  out["compatible"] = fits;
  if (!method.empty()) out["conversion_method"] = method;
  if (!fits && from.problem.empty() && to.problem.empty())
    out["suggestions"] = suggestions_view(from.end, to.end, catalog);
  services.metrics.type_check(std::string(schema::builtin_type(source).value_or("custom")),
                              std::string(schema::builtin_type(target).value_or("custom")), fits,
                              milliseconds_since(start) / 1000);
  return out;
}

void take(Body& body, store::CustomTypeRow& type) {
  if (body.has("name")) type.name = body.required("name", 100);
  type.category = body.text("category", 50).value_or(type.category);
  type.python_type = body.text("python_type", 500).value_or(type.python_type);
  type.description = body.text("description", 2000).value_or(type.description);
  if (const json::object* definition = body.object("definition")) {
    type.definition = json::serialize(*definition);
    if (const json::value* own = definition->if_contains("schema")) {
      if (!own->is_object()) body.problem("/definition/schema", "expected a JSON Schema: an object");
      else
        for (const auto& problem : schema::check_schema(own->get_object()))
          body.problem("/definition/schema" + problem.pointer, problem.what);
    } else {
      for (const auto& problem : schema::check_schema(*definition))
        body.problem("/definition" + problem.pointer, problem.what);
    }
  }
  // `extends` may also stand next to the name.
  if (const auto parent = body.text("extends", 100)) {
    json::value definition = services::stored_json(type.definition);
    if (!definition.is_object()) definition = json::object();
    definition.get_object()["extends"] = *parent;
    type.definition = json::serialize(definition);
  }
  if (type.name.find_first_of("[]|,'\"() \t\n") != std::string::npos)
    body.problem("/name", "a type's name may not contain blanks, brackets, commas or quotes");
  if (schema::builtin_type(type.name)) body.problem("/name", "is the name of a built-in type");
}

// Checks that the type which `type` extends exists and does not lead back to `type`.
void check_extends(sqlite::Db& db, const store::CustomTypeRow& type) {
  const auto parent_of = [](const store::CustomTypeRow& one) -> std::string {
    const json::value definition = services::stored_json(one.definition);
    const json::value* parent = definition.is_object() ? definition.get_object().if_contains("extends") : nullptr;
    return parent != nullptr && parent->is_string() ? std::string(std::string_view(parent->get_string())) : "";
  };
  std::string at = parent_of(type);
  for (int depth = 0; !at.empty() && !schema::builtin_type(at); ++depth) {
    if (at == type.name || depth >= 20)
      throw Fault(FaultKind::bad_input, "invalid_body", "/definition/extends: leads back to the type itself");
    const auto parent = store::find_type(db, at);
    if (!parent)
      throw Fault(FaultKind::bad_input, "invalid_body",
                  fmt::format("/definition/extends: no type is named \"{}\"", at));
    at = parent_of(*parent);
  }
}

Task<store::CustomTypeRow> load_own(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  if (schema::builtin_type(id)) throw Fault(FaultKind::forbidden, "builtin_type", "built-in types cannot be changed");
  auto job = [id](sqlite::Db& db) { return store::find_type(db, id); };
  const auto type = co_await services.store.read(std::move(job));
  if (!type) throw missing("type", id);
  if (!request.caller->sees_all() && type->created_by != request.caller->user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a type may change it");
  co_return *type;
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
  auto job = [](sqlite::Db& db) { return store::list_types(db); };
  const auto custom = co_await services.store.read(std::move(job));
  json::array types;
  for (const auto& type : schema::builtin_types()) types.push_back(view(type));
  for (const auto& type : custom) types.push_back(view(type));
  co_return Reply::of(json::object{{"types", std::move(types)}});
}

Task<Reply> create_type(Services& services, const Request& request) {
  Body body(request.json_object());
  store::CustomTypeRow type;
  type.id = new_id();
  body.required("name", 100);
  take(body, type);
  body.check();
  type.created_by = request.caller->user_id;
  type.created_at = type.updated_at = now_us();
  auto job = [type](sqlite::Tx& tx) {
    check_extends(*tx.operator->(), type);
    store::insert_type(tx, type);
  };
  co_await services.store.write(std::move(job));
  co_return Reply::of(201, view(type));
}

Task<Reply> get_type(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  if (const auto name = schema::builtin_type(id))
    for (const auto& type : schema::builtin_types())
      if (type.name == *name) co_return Reply::of(view(type));
  auto job = [id](sqlite::Db& db) { return store::find_type(db, id); };
  const auto type = co_await services.store.read(std::move(job));
  if (!type) throw missing("type", id);
  co_return Reply::of(view(*type));
}

Task<Reply> update_type(Services& services, const Request& request) {
  store::CustomTypeRow type = co_await load_own(services, request);
  Body body(request.json_object());
  take(body, type);
  body.check();
  type.updated_at = now_us();
  auto job = [type](sqlite::Tx& tx) {
    check_extends(*tx.operator->(), type);
    store::update_type(tx, type);
  };
  co_await services.store.write(std::move(job));
  co_return Reply::of(view(type));
}

Task<Reply> delete_type(Services& services, const Request& request) {
  const store::CustomTypeRow type = co_await load_own(services, request);
  auto job = [id = type.id](sqlite::Tx& tx) { return store::delete_type(tx, id); };
  co_await services.store.write(std::move(job));
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
    json::array pairs;
    bool can = false;
    for (const auto& output : outputs)
      for (const auto& input : inputs) {
        json::object one = checked(services, *catalog, output, input);
        can = can || one.at("compatible").get_bool();
        pairs.push_back(std::move(one));
      }
    co_return Reply::of(json::object{{"can_connect", can}, {"compatible", can}, {"pairs", std::move(pairs)}});
  }
  const std::string source = body.required("source_type", 1000);
  const std::string target = body.required("target_type", 1000);
  body.check();
  const check::CatalogPtr catalog = co_await services::catalog_of(services, request.caller->user_id);
  co_return Reply::of(checked(services, *catalog, source, target));
}

Task<Reply> convert_type(Services& services, const Request& request) {
  Body body(request.json_object());
  const std::string source = body.required("source_type", 200);
  const std::string target = body.required("target_type", 200);
  const bool items = body.flag("items").value_or(false);
  if (!body.has("value")) body.problem("/value", "required");
  const auto from = schema::builtin_type(source);
  const auto to = schema::builtin_type(target);
  if (!source.empty() && !from) body.problem("/source_type", fmt::format("no type is named \"{}\"", source));
  if (!target.empty() && !to) body.problem("/target_type", fmt::format("no type is named \"{}\"", target));
  body.check();
  const json::value& value = body.whole().at("value");
  const auto start = Clock::now();
  std::string problem;
  const auto converted = schema::convert(value, *from, *to, items, problem);
  services.metrics.type_conversion(std::string(*from), std::string(*to), milliseconds_since(start) / 1000);
  if (!converted)
    throw Fault(FaultKind::unprocessable, "not_convertible", "/value: " + problem,
                {{"source_type", source}, {"target_type", target}});
  const schema::Compatibility fits = schema::compatibility(*from == "any" ? schema::type_of(value) : *from, *to);
  json::object out{
      {"success", true}, {"value", value}, {"converted_value", *converted}, {"conversion_method", nullptr}};
  if (!fits.method.empty()) out["conversion_method"] = fits.method;
  co_return Reply::of(out);
}

Task<Reply> compatible_types(Services& services, const Request& request) {
  const std::string source = request.parameter("type");
  const check::CatalogPtr catalog = co_await services::catalog_of(services, request.caller->user_id);
  auto job = [](sqlite::Db& db) { return store::list_types(db); };
  const auto custom = co_await services.store.read(std::move(job));
  json::array targets;
  for (const auto& target : schema::builtin_types())
    if (catalog->compatibility(source, target.name).compatible) targets.push_back(json::value(target.name));
  for (const auto& target : custom)
    if (catalog->compatibility(source, target.name).compatible) targets.push_back(json::value(target.name));
  if (targets.empty()) throw missing("type", source);
  co_return Reply::of(json::object{{"type", source}, {"compatible_types", targets}});
}

Task<Reply> supported_types(Services& services, const Request&) {
  auto job = [](sqlite::Db& db) { return store::list_types(db); };
  const auto custom = co_await services.store.read(std::move(job));
  json::array names;
  for (const auto& type : schema::builtin_types()) names.push_back(json::value(type.name));
  for (const auto& type : custom) names.push_back(json::value(type.name));
  co_return Reply::of(json::object{{"types", std::move(names)}});
}

}  // namespace qflow::api
