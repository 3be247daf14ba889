#include "daemon/api/nodes/typing_view.hpp"

#include "schema/typing/json_schema.hpp"

namespace qflow::api {

using check::Finding;

namespace {

// The approximate size of a JSON value as text, in bytes.
std::size_t weight(const json::value& value) {
  std::size_t sum = 8;
  if (const auto* text = value.if_string()) sum += text->size();
  if (const auto* list = value.if_array())
    for (const auto& one : *list) sum += weight(one);
  if (const auto* object = value.if_object())
    for (const auto& [key, one] : *object) sum += key.size() + weight(one);
  return sum;
}

}  // namespace

json::object SchemaBudget::take(json::object schema) {
  const std::size_t size = weight(json::value(schema));
  if (size > left) {
    left = 0;
    return {{"description", "left out: the schemas of this code are too large"}};
  }
  left -= size;
  return schema;
}

json::object port_view(const schema::NodePort& port, const schema::Classes& classes, const typing::Catalog& catalog,
                       SchemaBudget& budget) {
  const schema::DocumentedName type = catalog.documented(port.type, classes);
  json::object schema;
  if (budget.left > 0) {
    schema::SchemaWriter writer(classes);
    schema = writer.finish(writer.schema_of(port.type));
  }
  if (const typing::CustomType* custom = catalog.find(type.name); custom != nullptr && !custom->schema.empty())
    schema = custom->schema;
  if (!port.description.empty() && !schema.contains("description")) schema["description"] = port.description;
  if (port.initial) schema["default"] = *port.initial;
  json::object out{{"name", port.name},
                   {"type", type.name},
                   {"python_type", port.written.empty() ? "" : schema::text(port.type)},
                   {"annotation", port.written},
                   {"nullable", type.nullable},
                   {"required", port.required},
                   {"kind", port.kind},
                   {"description", port.description},
                   {"alternatives", json::value_from(type.alternatives)},
                   {"schema", budget.take(std::move(schema))}};
  if (port.initial) out["default"] = *port.initial;
  if (!port.default_text.empty()) out["default_text"] = port.default_text;
  return out;
}

json::object function_view(const schema::NodeFunction& function, const schema::Classes& classes,
                           const typing::Catalog& catalog, SchemaBudget& budget) {
  json::array inputs, required;
  schema::SchemaWriter writer(classes);
  json::object properties;
  for (const auto& port : function.inputs) {
    inputs.push_back(port_view(port, classes, catalog, budget));
    json::object one = budget.left > 0 ? writer.schema_of(port.type) : json::object();
    if (!port.description.empty() && !one.contains("description")) one["description"] = port.description;
    if (port.initial) one["default"] = *port.initial;
    properties[port.name] = std::move(one);
    if (port.required) required.push_back(json::value(port.name));
  }
  json::object all{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) all["required"] = std::move(required);
  if (!function.more_named) all["additionalProperties"] = false;
  else if (function.named_type.kind != schema::Type::Kind::any)
    all["additionalProperties"] = writer.schema_of(function.named_type);
  schema::SchemaWriter results(classes);
  json::object result = budget.left > 0 ? results.schema_of(function.output.type) : json::object();
  json::array outputs;
  json::object output = port_view(function.output, classes, catalog, budget);
  output.erase("kind");
  output.erase("required");
  outputs.push_back(std::move(output));
  return {{"name", function.name},
          {"summary", function.summary},
          {"description", function.description},
          {"line", function.line},
          {"is_async", function.is_async},
          {"is_generator", function.is_generator},
          {"takes_more_positional", function.more_positional},
          {"takes_more_named", function.more_named},
          {"more_positional_type", schema::text(function.positional_type)},
          {"more_named_type", schema::text(function.named_type)},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)},
          {"input_schema", budget.take(writer.finish(std::move(all)))},
          {"output_schema", budget.take(results.finish(std::move(result)))}};
}

json::object description_view(const schema::NodeDescription& d, const typing::Catalog& catalog) {
  json::array functions, imports, findings;
  SchemaBudget budget;
  for (const auto& function : d.functions) functions.push_back(function_view(function, d.classes, catalog, budget));
  for (const auto& import : d.imports)
    imports.push_back(json::object{{"module", import.module},
                                   {"line", import.line},
                                   {"standard", import.standard},
                                   {"present", import.present},
                                   {"optional", import.optional},
                                   {"distributions", json::value_from(import.distributions)}});
  for (const auto& finding : d.findings)
    findings.push_back(json::object{{"code", finding.code}, {"message", finding.message}, {"line", finding.line}});
  json::object out{{"source", d.source},
                   {"function", d.function},
                   {"functions", std::move(functions)},
                   {"imports", std::move(imports)},
                   {"findings", std::move(findings)},
                   {"error", nullptr}};
  if (!d.error.empty()) out["error"] = d.error;
  return out;
}

json::object findings_view(const std::vector<Finding>& findings) {
  json::array all, errors, warnings;
  for (const Finding& finding : findings) {
    all.push_back(check::to_json(finding));
    if (finding.severity == Finding::Severity::error) errors.push_back(json::value(finding.message));
    else if (finding.severity == Finding::Severity::warning) warnings.push_back(json::value(finding.message));
  }
  return {{"valid", !check::has_errors(findings)},
          {"errors", std::move(errors)},
          {"warnings", std::move(warnings)},
          {"findings", std::move(all)}};
}

}  // namespace qflow::api
