#include "daemon/check/catalog_loader.hpp"

#include "daemon/base/fault.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/store/user_rows.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::check {
namespace {

constexpr std::size_t kMostKept = 200;
constexpr auto kLongest = std::chrono::seconds(5);  // another process may write to the same store

// {"schema": {…}}, or the schema itself.
const json::object* schema_in(const json::object& definition) {
  if (const json::value* own = definition.if_contains("schema"); own != nullptr && own->is_object())
    return &own->get_object();
  for (const char* keyword : {"type", "properties", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})
    if (definition.contains(keyword)) return &definition;
  return nullptr;
}

typing::CustomType type_of(const store::CustomTypeRow& row) {
  typing::CustomType out;
  out.name = row.name;
  out.python_type = row.python_type;
  std::string error;
  const json::value definition = schema::parse_json(row.definition, error);
  if (const json::object* object = definition.if_object()) {
    if (const json::value* parent = object->if_contains("extends"); parent != nullptr && parent->is_string())
      out.extends = std::string_view(parent->get_string());
    if (const json::object* own = schema_in(*object)) out.schema = *own;
  }
  return out;
}

struct Rows {
  std::vector<typing::CustomType> types;
  std::vector<store::PythonNode> converters;
  std::map<std::string, std::string> authors;  ///< of the converters: by id, the name
};

Rows read_rows(sqlite::Db& db, const std::optional<std::string>& owner) {
  Rows rows{{}, store::list_converters(db, owner), {}};
  for (const auto& row : store::list_types(db)) {
    rows.types.push_back(type_of(row));
    // Another user's type says nothing about this user's classes.
    rows.types.back().of_classes = !owner || row.created_by == owner;
  }
  for (const auto& row : rows.converters) {
    if (!row.created_by || rows.authors.count(*row.created_by) != 0) continue;
    const auto user = store::find_user(db, *row.created_by);
    if (!user) continue;
    const bool named = !user->first_name.empty() && !user->last_name.empty();
    rows.authors[user->id] = named ? user->first_name + " " + user->last_name : user->email;
  }
  return rows;
}

}  // namespace

NodeSource source_of(const store::PythonNode& node, const workers::Settings& settings) {
  json::object body{{"id", "node"}, {"name", "node"}, {"type", "qflow.python"}, {"code", node.code}};
  if (!node.main_function.empty()) body["function"] = node.main_function;
  if (!node.python_version.empty()) body["python_version"] = node.python_version;
  json::array nodes;
  nodes.push_back(std::move(body));
  return sources_of(flow::make_plan(flow::read_workflow({{"nodes", std::move(nodes)}}), settings)).front();
}

Task<CatalogPtr> CatalogLoader::load(std::optional<std::string> owner,
                                     std::shared_ptr<const workers::Settings> settings) {
  const std::string key = owner.value_or("*");
  const std::uint64_t version = store_.changes().of(store::kLibrary);
  if (const auto found = kept_.find(key);
      found != kept_.end() && found->second.version == version && Clock::now() - found->second.at < kLongest)
    co_return found->second.catalog;
  auto job = [owner](sqlite::Db& db) { return read_rows(db, owner); };
  Rows rows = co_await store_.read(std::move(job));
  std::vector<NodeSource> sources;
  std::vector<const store::PythonNode*> nodes;
  for (const auto& row : rows.converters) {
    try {
      sources.push_back(source_of(row, *settings));
      nodes.push_back(&row);
    } catch (const Fault&) {
      // A converter whose Python this installation no longer has is left out.
    }
  }
  // They were described when they were stored, so that their authors cannot make others wait.
  const std::vector<DescriptionPtr> descriptions = co_await describer_.known(std::move(sources));
  std::vector<typing::Converter> converters;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!descriptions[i]) continue;
    const schema::NodeFunction* function = descriptions[i]->find(nodes[i]->main_function);
    if (function == nullptr || function->inputs.empty() || !descriptions[i]->error.empty()) continue;
    typing::Converter& one = converters.emplace_back();
    one.name = nodes[i]->name;
    one.node_id = nodes[i]->id;
    one.code = nodes[i]->code;
    one.function = function->name;
    one.author = rows.authors[nodes[i]->created_by.value_or("")];
    one.source = function->inputs.front().type;
    one.target = function->output.type;
    one.classes = descriptions[i]->classes;
  }
  auto catalog = std::make_shared<const typing::Catalog>(std::move(rows.types), std::move(converters));
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_[key] = {version, Clock::now(), catalog};
  co_return catalog;
}

}  // namespace qflow::check
