// Types, ports and findings as the API shows them, and what the handlers that deal with types share.
#pragma once
#include "daemon/api/services.hpp"
#include "daemon/engine/workflow_check.hpp"
#include "daemon/typing/link.hpp"

namespace qflow::api {

/// What a caller may use of the library's types and converters.
Task<engine::CatalogPtr> catalog_for(Services& services, const Request& request);
/// The same for whoever owns a workflow.
Task<engine::CatalogPtr> catalog_of(Services& services, std::optional<std::string> owner);

/// Runs `job(describer)`, which makes an awaitable, on the engine's strand and resumes here with its result.
template <class F>
auto on_describer(Services& services, F job) {
  auto work = [&services, job = std::move(job)]() mutable { return job(services.describer); };
  return on_engine(services, std::move(work));
}

/// The descriptions of all that can be described within `patience`; then of those that are known, others null. What is
/// under way goes on and is kept.
Task<std::vector<engine::DescriptionPtr>> describe_within(Services& services, std::vector<engine::NodeSource> sources,
                                                          Clock::duration patience);

/// What the schemas of one reply may weigh together: each of them carries the classes that it mentions.
struct SchemaBudget {
  std::size_t left = 2U << 20U;
  /// The schema, or a word in its place.
  json::object take(json::object schema);
};

/// {name, type, python_type, nullable, required, kind, default, description, alternatives, schema}
json::object port_view(const schema::NodePort& port, const schema::Classes& classes, const typing::Catalog& catalog,
                       SchemaBudget& budget);
/// {name, summary, description, inputs, outputs, input_schema, output_schema, …}
json::object function_view(const schema::NodeFunction& function, const schema::Classes& classes,
                           const typing::Catalog& catalog, SchemaBudget& budget);
/// {source, function, functions, ports of the function, imports, findings, error}
json::object description_view(const schema::NodeDescription& description, const typing::Catalog& catalog);
/// {valid, errors, warnings, findings}
json::object findings_view(const std::vector<engine::Finding>& findings);

/// The check of a stored or sent workflow, as far as it is done within `patience`; nothing when it takes longer (it
/// goes on, and what it finds out is kept).
Task<std::optional<std::vector<engine::Finding>>> check_within(Services& services, json::object document,
                                                               std::optional<std::string> owner,
                                                               Clock::duration patience);

/// Refuses what must not be started: 422 with the first of the findings, and all of them in `findings`.
void refuse_wrong_types(const std::vector<engine::Finding>& findings);

}  // namespace qflow::api
