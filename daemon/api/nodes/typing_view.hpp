// Types, ports and findings as the API shows them. Any thread.
#pragma once
#include "daemon/check/workflow_check.hpp"
#include "daemon/typing/link.hpp"

namespace qflow::api {
namespace json = boost::json;

/// The total size limit for the schemas of one reply: each schema carries the classes that it mentions.
struct SchemaBudget {
  std::size_t left = 2U << 20U;
  /// The schema, or a short note in its place.
  json::object take(json::object schema);
};

/// {name, type, python_type, nullable, required, kind, default, description, alternatives, schema}
json::object port_view(const schema::NodePort& port, const schema::Classes& classes, const typing::Catalog& catalog,
                       SchemaBudget& budget);
/// {name, summary, description, inputs, outputs, input_schema, output_schema, …}
json::object function_view(const schema::NodeFunction& function, const schema::Classes& classes,
                           const typing::Catalog& catalog, SchemaBudget& budget);
/// {source, function, functions, imports, findings, error}
json::object description_view(const schema::NodeDescription& description, const typing::Catalog& catalog);
/// {valid, errors, warnings, findings}
json::object findings_view(const std::vector<check::Finding>& findings);

}  // namespace qflow::api
