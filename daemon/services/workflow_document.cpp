#include "daemon/services/workflow_document.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <set>

#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/unknown_members.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/faults.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/pointer.hpp"

namespace qflow::services {
namespace {

[[noreturn]] void bad(const std::string& what) { throw Fault(FaultKind::bad_input, "invalid_workflow", what); }

std::string string_member(const json::object& body, const char* name, const std::string& fallback) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_string()) bad(fmt::format("/{}: expected a string", name));
  return std::string(std::string_view(value->get_string()));
}

bool flag_member(const json::object& body, const char* name, bool fallback) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_bool()) bad(fmt::format("/{}: expected true or false", name));
  return value->get_bool();
}

}  // namespace

json::value stored_json(const std::string& text) {
  std::string error;
  return schema::parse_json(text, error, 200);
}

store::Workflow own_workflow(sqlite::Db& db, const std::string& id, const std::optional<std::string>& owner) {
  auto w = store::find_workflow(db, id, owner);
  if (!w) throw missing("workflow", id);
  return std::move(*w);
}

store::Workflow fresh_workflow(const std::string& user_id) {
  store::Workflow w;
  w.id = new_id();
  w.nodes = "[]";
  w.connections = "{}";
  w.settings = "{}";
  w.extra = "{}";
  w.created_by = user_id;
  w.created_at = w.updated_at = now_us();
  return w;
}

void take_workflow(const json::object& body, store::Workflow& w) {
  w.name = string_member(body, "name", w.name);
  if (w.name.find_first_not_of(" \t") == std::string::npos) bad("/name: required");
  if (w.name.size() > 500) bad("/name: longer than 500 bytes");
  w.description = string_member(body, "description", w.description);
  w.python_version = string_member(body, "python_version", w.python_version);
  if (w.python_version.size() > 20) bad("/python_version: longer than 20 bytes");
  w.is_archived = flag_member(body, "isArchived", w.is_archived);
  w.is_template = flag_member(body, "isTemplate", w.is_template);
  if (const json::value* folder = body.if_contains("parentFolderId")) {
    const std::string id = string_member(body, "parentFolderId", "");
    if (folder->is_null() || id.empty() || id == "0") w.folder_id.reset();
    else w.folder_id = id;
  }
  const auto part = [&](const char* name, std::string& text, bool list_allowed) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_object() && !(list_allowed && value->is_array()))
      bad(fmt::format("/{}: expected {}", name, list_allowed ? "an object or a list" : "an object"));
    text = json::serialize(*value);
  };
  if (const json::value* nodes = body.if_contains("nodes"); nodes != nullptr && !nodes->is_null()) {
    if (!nodes->is_array()) bad("/nodes: expected a list of nodes");
    w.nodes = json::serialize(*nodes);
  }
  part("connections", w.connections, true);
  part("settings", w.settings, false);
  static const std::set<std::string_view> kOurs{
      "id",        "name",      "description", "nodes",    "connections", "settings", "python_version", "active",
      "version",   "createdAt", "updatedAt",   "findings", "scopes",      "tags",     "parentFolderId", "isArchived",
      "isTemplate"};
  json::value extra = stored_json(w.extra);
  for (const auto& [key, value] : body)
    if (kOurs.count(key) == 0) extra.as_object()[key] = value;
  w.extra = json::serialize(extra);
}

std::optional<std::vector<std::string>> tags_in(const json::object& body) {
  const json::value* tags = body.if_contains("tags");
  if (tags == nullptr || tags->is_null()) return std::nullopt;
  if (!tags->is_array()) bad("/tags: expected a list of tags");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tags->get_array().size(); ++i) {
    const json::value& tag = tags->get_array()[i];
    const json::value* id = tag.is_object() ? tag.get_object().if_contains("id") : &tag;
    if (id == nullptr || !id->is_string()) bad(fmt::format("/tags/{}: expected a tag's id or name", i));
    names.emplace_back(std::string_view(id->get_string()));
  }
  return names;
}

namespace {

// What nodes import by name; null: nothing.
json::value modules_of(const store::Workflow& w) {
  if (w.extra.find("\"modules\"") == std::string::npos) return nullptr;
  const json::value extra = stored_json(w.extra);
  const json::value* modules = extra.is_object() ? extra.get_object().if_contains("modules") : nullptr;
  return modules == nullptr ? json::value() : *modules;
}

}  // namespace

json::object document_of(const store::Workflow& w) {
  json::object document{{"name", w.name},
                        {"nodes", stored_json(w.nodes)},
                        {"connections", stored_json(w.connections)},
                        {"settings", stored_json(w.settings)}};
  if (!w.python_version.empty()) document["python_version"] = w.python_version;
  if (json::value modules = modules_of(w); !modules.is_null()) document["modules"] = std::move(modules);
  return document;
}

json::object document_with_misspelt(const store::Workflow& w) {
  json::object document = document_of(w);
  const json::value extra = stored_json(w.extra);
  if (!extra.is_object()) return document;
  for (const flow::UnknownMember& one : flow::unknown_members(extra.get_object())) {
    const std::string name = schema::unescape_pointer(std::string_view(one.pointer).substr(1));
    if (one.like.empty() || name.find('/') != std::string::npos) continue;
    if (const json::value* value = extra.get_object().if_contains(name)) document[name] = *value;
  }
  return document;
}

flow::Graph graph_of_code(const std::string& code) {
  json::object node{{"id", "node"}, {"name", "node"}, {"type", "qflow.python"}, {"code", code}};
  return flow::read_workflow(json::object{{"name", "node"}, {"nodes", json::array{node}}});
}

std::string document_text(const store::Workflow& w) {
  std::string out = fmt::format(R"({{"name":{},"nodes":{},"connections":{},"settings":{})",
                                json::serialize(json::value(w.name)), w.nodes, w.connections, w.settings);
  if (!w.python_version.empty())
    out += fmt::format(R"(,"python_version":{})", json::serialize(json::value(w.python_version)));
  if (const json::value modules = modules_of(w); !modules.is_null())
    out += fmt::format(R"(,"modules":{})", json::serialize(modules));
  return out + "}";
}

flow::Graph graph_of(const store::Workflow& w) { return flow::read_workflow(document_of(w)); }

}  // namespace qflow::services
