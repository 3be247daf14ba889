#include "daemon/services/custom_types.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/documented_types.hpp"
#include "schema/typing/schema_check.hpp"

namespace qflow::services {
namespace {

constexpr int kMostAncestors = 20;

void apply(const TypeDraft& draft, store::CustomTypeRow& type) {
  type.name = draft.name.value_or(type.name);
  type.category = draft.category.value_or(type.category);
  type.python_type = draft.python_type.value_or(type.python_type);
  type.description = draft.description.value_or(type.description);
  if (draft.definition) type.definition = json::serialize(*draft.definition);
  if (!draft.extends) return;
  json::value definition = stored_json(type.definition);
  if (!definition.is_object()) definition = json::object();
  definition.get_object()["extends"] = *draft.extends;
  type.definition = json::serialize(definition);
}

std::string parent_of(const store::CustomTypeRow& type) {
  const json::value definition = stored_json(type.definition);
  const json::value* parent = definition.is_object() ? definition.get_object().if_contains("extends") : nullptr;
  return parent != nullptr && parent->is_string() ? text(parent->get_string()) : "";
}

// Checks that the type which `type` extends exists and does not lead back to `type`.
void check_extends(sqlite::Db& db, const store::CustomTypeRow& type) {
  std::string at = parent_of(type);
  for (int depth = 0; !at.empty() && !schema::builtin_type(at); ++depth) {
    if (at == type.name || depth >= kMostAncestors)
      throw Fault(FaultKind::bad_input, "invalid_body", "/definition/extends: leads back to the type itself");
    const auto parent = store::find_type(db, at);
    if (!parent)
      throw Fault(FaultKind::bad_input, "invalid_body",
                  fmt::format("/definition/extends: no type is named \"{}\"", at));
    at = parent_of(*parent);
  }
}

store::CustomTypeRow own_type(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  if (schema::builtin_type(id)) throw Fault(FaultKind::forbidden, "builtin_type", "built-in types cannot be changed");
  auto type = store::find_type(db, id);
  if (!type) throw missing("type", id);
  if (!caller.sees_all() && type->created_by != caller.user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a type may change it");
  return std::move(*type);
}

}  // namespace

void check_type_draft(const TypeDraft& draft, InputProblems& problems) {
  const auto check_schema = [&](const std::string& at, const json::object& schema) {
    for (const auto& problem : schema::check_schema(schema)) problems.add(at + problem.pointer, problem.what);
  };
  constexpr std::size_t kMostDefinition = 256U << 10U;  // bytes of JSON: everybody's list and catalog have it
  if (draft.definition) {
    if (json::serialize(*draft.definition).size() > kMostDefinition)
      problems.add("/definition", fmt::format("larger than {} KiB", kMostDefinition >> 10U));
    const json::value* own = draft.definition->if_contains("schema");
    if (own == nullptr) check_schema("/definition", *draft.definition);
    else if (own->is_object()) check_schema("/definition/schema", own->get_object());
    else problems.add("/definition/schema", "expected a JSON Schema: an object");
  }
  if (!draft.name) return;
  if (draft.name->find_first_of("[]|,'\"() \t\n") != std::string::npos)
    problems.add("/name", "a type's name may not contain blanks, brackets, commas or quotes");
  if (schema::builtin_type(*draft.name)) problems.add("/name", "is the name of a built-in type");
}

Task<store::CustomTypeRow> find_custom_type(Services& services, std::string id) {
  auto job = [id](sqlite::Db& db) { return store::find_type(db, id); };
  auto type = co_await services.store.read(std::move(job));
  if (!type) throw missing("type", id);
  co_return std::move(*type);
}

Task<std::vector<store::CustomTypeRow>> custom_types(Services& services) {
  auto job = [](sqlite::Db& db) { return store::list_types(db); };
  return services.store.read(std::move(job));
}

Task<store::CustomTypeRow> create_custom_type(Services& services, const auth::Caller& caller, TypeDraft draft) {
  store::CustomTypeRow type;
  type.id = new_id();
  apply(draft, type);
  type.created_by = caller.user_id;
  type.created_at = type.updated_at = now_us();
  auto job = [type](sqlite::Tx& tx) {
    check_extends(*tx.operator->(), type);
    store::insert_type(tx, type);
  };
  co_await services.store.write(std::move(job));
  co_return type;
}

Task<store::CustomTypeRow> change_custom_type(Services& services, const auth::Caller& caller, std::string id,
                                              TypeDraft draft) {
  auto job = [id = std::move(id), caller, draft = std::move(draft)](sqlite::Tx& tx) {
    store::CustomTypeRow type = own_type(*tx.operator->(), caller, id);
    apply(draft, type);
    type.updated_at = now_us();
    check_extends(*tx.operator->(), type);
    store::update_type(tx, type);
    return type;
  };
  store::CustomTypeRow changed = co_await services.store.write(std::move(job));
  co_return changed;
}

Task<> delete_custom_type(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), caller](sqlite::Tx& tx) {
    store::delete_type(tx, own_type(*tx.operator->(), caller, id).id);
  };
  co_await services.store.write(std::move(job));
}

}  // namespace qflow::services
