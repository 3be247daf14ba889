#include "daemon/services/node_library.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/store/storage_rows.hpp"

namespace qflow::services {
namespace {

using store::Tagged;

constexpr int kMostAttempts = 5;

void apply(const NodeDraft& draft, store::PythonNode& node) {
  node.name = draft.name.value_or(node.name);
  node.description = draft.description.value_or(node.description);
  node.code = draft.code.value_or(node.code);
  node.main_function = draft.main_function.value_or(node.main_function);
  node.python_version = draft.python_version.value_or(node.python_version);
  if (draft.dependencies) node.dependencies = json::serialize(json::value_from(*draft.dependencies));
  if (draft.input_types) node.input_types = json::serialize(*draft.input_types);
  if (draft.output_types) node.output_types = json::serialize(*draft.output_types);
  node.is_template = draft.is_template.value_or(node.is_template);
  node.is_public = draft.is_public.value_or(node.is_public);
  node.is_converter = draft.is_converter.value_or(node.is_converter);
}

// Lists show all of it but the code, to everybody who sees the node.
void check(const NodeDraft& draft) {
  constexpr std::size_t kMostDependencies = 500;
  constexpr std::size_t kMostTypes = 64U << 10U;  // bytes of JSON
  InputProblems problems("invalid_body");
  if (draft.dependencies && draft.dependencies->size() > kMostDependencies)
    problems.add("/dependencies", fmt::format("more than {} dependencies", kMostDependencies));
  const auto check_types = [&](const char* pointer, const std::optional<json::object>& types) {
    if (types && json::serialize(*types).size() > kMostTypes)
      problems.add(pointer, fmt::format("larger than {} KiB", kMostTypes >> 10U));
  };
  check_types("/input_types", draft.input_types);
  check_types("/output_types", draft.output_types);
  problems.throw_if_any();
}

// The node as the document that node_trial takes.
json::object trial_of(const store::PythonNode& node) {
  json::object document{{"code", node.code}};
  if (!node.main_function.empty()) document["function"] = node.main_function;
  if (!node.python_version.empty()) document["python_version"] = node.python_version;
  return document;
}

// A converter takes one value and declares the types it converts from and to.
Task<> require_converter(Services& services, const auth::Caller& caller, const store::PythonNode& node) {
  const DescribedNode described = co_await describe_library_node(services, caller, node);
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

Task<> fill_types(Services& services, const auth::Caller& caller, const NodeDraft& draft, store::PythonNode& node) {
  if (!draft.code || (draft.input_types && draft.output_types && !node.main_function.empty())) co_return;
  const DescribedNode described = co_await describe_library_node(services, caller, node);
  const schema::NodeDescription& d = *described.description;
  const schema::NodeFunction* main = d.find(node.main_function);
  if (!d.error.empty() || main == nullptr) co_return;
  node.main_function = main->name;
  const auto type_of = [&](const schema::NodePort& port) {
    return json::value(described.catalog->documented(port.type, d.classes).name);
  };
  json::object inputs;
  for (const auto& port : main->inputs) inputs[port.name] = type_of(port);
  if (!draft.input_types) node.input_types = json::serialize(inputs);
  if (!draft.output_types) node.output_types = json::serialize(json::object{{"output", type_of(main->output)}});
}

// Settles a converter's final form before anybody asks for a suggestion.
Task<> settle_types(Services& services, const auth::Caller& caller, const NodeDraft& draft, store::PythonNode& node) {
  co_await fill_types(services, caller, draft, node);
  if (node.is_converter) co_await require_converter(services, caller, node);
}

store::PythonNode visible_node(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto node = store::find_python_node(db, id, caller.owner_filter());
  if (!node) throw missing("node", id);
  return std::move(*node);
}

store::PythonNode own_node(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  store::PythonNode node = visible_node(db, caller, id);
  if (!caller.sees_all() && node.created_by != caller.user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a node may change it; copy it instead");
  return node;
}

TaggedNode tagged(sqlite::Db& db, store::PythonNode node) {
  auto tags = store::tags_of(db, Tagged::nodes, node.id);
  return {std::move(node), std::move(tags)};
}

}  // namespace

Task<std::vector<TaggedNode>> list_library_nodes(Services& services, const auth::Caller& caller,
                                                 store::PythonNodeQuery query) {
  query.owner = caller.owner_filter();
  auto job = [query = std::move(query)](sqlite::Db& db) {
    std::int64_t count = 0;
    std::vector<TaggedNode> nodes;
    for (store::PythonNode& row : store::list_python_nodes(db, query, count))
      nodes.push_back(tagged(db, std::move(row)));
    return nodes;
  };
  return services.store.read(std::move(job));
}

Task<TaggedNode> find_library_node(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), caller](sqlite::Db& db) { return tagged(db, visible_node(db, caller, id)); };
  return services.store.read(std::move(job));
}

Task<std::vector<store::PythonNodeVersion>> library_node_versions(Services& services, const auth::Caller& caller,
                                                                  std::string id) {
  auto job = [id = std::move(id), caller](sqlite::Db& db) {
    visible_node(db, caller, id);
    return store::node_versions(db, id);
  };
  return services.store.read(std::move(job));
}

Task<store::PythonNodeVersion> find_library_node_version(Services& services, const auth::Caller& caller, std::string id,
                                                         std::int64_t version) {
  auto job = [id = std::move(id), caller, version](sqlite::Db& db) {
    visible_node(db, caller, id);
    auto found = store::find_node_version(db, id, version);
    if (!found) throw missing("version", fmt::format("{} of node {}", version, id));
    return std::move(*found);
  };
  return services.store.read(std::move(job));
}

Task<TaggedNode> create_library_node(Services& services, const auth::Caller& caller, NodeDraft draft) {
  check(draft);
  store::PythonNode node;
  node.id = new_id();
  apply(draft, node);
  node.created_by = caller.user_id;
  node.created_at = node.updated_at = now_us();
  co_await settle_types(services, caller, draft, node);
  auto job = [node, tags = std::move(draft.tags), quota = quota_of(services)](sqlite::Tx& tx) {
    store::require_room(*tx.operator->(), *node.created_by, quota);
    store::insert_python_node(tx, node);
    if (tags) store::set_tags(tx, Tagged::nodes, node.id, *tags);
    return TaggedNode{node, store::tags_of(*tx.operator->(), Tagged::nodes, node.id)};
  };
  TaggedNode made = co_await services.store.write(std::move(job));
  co_return made;
}

// Describing takes a worker and no transaction; what was described is written only over the row that it began with.
Task<TaggedNode> change_library_node(Services& services, const auth::Caller& caller, std::string id, NodeDraft draft) {
  check(draft);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    auto find = [&id, caller](sqlite::Db& db) { return own_node(db, caller, id); };
    const store::PythonNode before = co_await services.store.read(std::move(find));
    store::PythonNode node = before;
    apply(draft, node);
    co_await settle_types(services, caller, draft, node);
    node.updated_at = std::max(now_us(), before.updated_at + 1);
    auto job = [&before, node, caller, tags = draft.tags,
                quota = quota_of(services)](sqlite::Tx& tx) -> std::optional<TaggedNode> {
      sqlite::Db& db = *tx.operator->();
      store::require_room(db, node.created_by.value_or(caller.user_id), quota);
      if (own_node(db, caller, node.id).updated_at != before.updated_at) return std::nullopt;
      store::update_python_node(tx, node);
      if (tags) store::set_tags(tx, Tagged::nodes, node.id, *tags);
      return tagged(db, visible_node(db, caller, node.id));
    };
    std::optional<TaggedNode> changed = co_await services.store.write(std::move(job));
    if (changed) co_return std::move(*changed);
  }
  throw Fault(FaultKind::conflict, "changed_meanwhile",
              "somebody else changes this node at the same time; look at it and try again");
}

Task<> delete_library_node(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), caller](sqlite::Tx& tx) {
    store::delete_python_node(tx, own_node(*tx.operator->(), caller, id).id);
  };
  co_await services.store.write(std::move(job));
}

Task<DescribedNode> describe_library_node(Services& services, const auth::Caller& caller,
                                          const store::PythonNode& node) {
  const json::object document = trial_of(node);
  DescribedNode described = co_await describe_node(services, document, caller.user_id);
  co_return described;
}

Task<engine::Outcome> try_library_node(Services& services, const auth::Caller& caller, std::string id,
                                       json::object given) {
  auto find = [id = std::move(id), caller](sqlite::Db& db) { return visible_node(db, caller, id); };
  const store::PythonNode node = co_await services.store.read(std::move(find));
  json::object document = trial_of(node);
  for (const char* name : {"input_data", "timeout", "memory", "sandbox"})
    if (const json::value* value = given.if_contains(name)) document[name] = *value;
  engine::Outcome outcome = co_await try_node(services, document, caller.user_id);
  co_return outcome;
}

}  // namespace qflow::services
