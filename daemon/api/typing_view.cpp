#include "daemon/api/typing_view.hpp"

#include <algorithm>

#include "daemon/fault.hpp"
#include "schema/typing/json_schema.hpp"

namespace qflow::api {

using engine::Finding;

Task<engine::CatalogPtr> catalog_of(Services& services, std::optional<std::string> owner) {
  auto job = [&services, owner = std::move(owner), settings = services.settings.get()]() mutable {
    return services.catalogs.load(std::move(owner), std::move(settings));
  };
  engine::CatalogPtr catalog = co_await on_engine(services, std::move(job));
  co_return catalog;
}

Task<engine::CatalogPtr> catalog_for(Services& services, const Request& request) {
  return catalog_of(services, request.caller->user_id);
}

namespace {

// About how many bytes a JSON value takes as text.
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
  const schema::DocumentedType type = catalog.documented(port.type, classes);
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
    all.push_back(engine::to_json(finding));
    if (finding.severity == Finding::Severity::error) errors.push_back(json::value(finding.message));
    else if (finding.severity == Finding::Severity::warning) warnings.push_back(json::value(finding.message));
  }
  return {{"valid", !engine::has_errors(findings)},
          {"errors", std::move(errors)},
          {"warnings", std::move(warnings)},
          {"findings", std::move(all)}};
}

namespace {

Task<std::vector<Finding>> check_now(Services& services, json::object document, std::optional<std::string> owner) {
  auto settings = services.settings.get();
  engine::CheckOptions options;
  options.who = owner.value_or("");
  auto loading = services.catalogs.load(std::move(owner), settings);
  engine::CatalogPtr catalog = co_await std::move(loading);
  auto checking =
      engine::check_workflow(services.describer, document, std::move(settings), std::move(catalog), options);
  engine::WorkflowCheck done = co_await std::move(checking);
  co_return std::move(done.findings);
}

// Shared by work that may go on and whoever waits for it a while. Engine strand.
template <class T>
struct Awaited {
  explicit Awaited(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  std::optional<T> result;
};

// Runs `work` on the engine's strand, where this runs too, and waits for it until `patience` is over.
template <class T>
Task<std::optional<T>> wait_within(asio::any_io_executor executor, Task<T> work, Clock::duration patience) {
  const auto state = std::make_shared<Awaited<T>>(executor);
  state->timer.expires_after(patience);
  auto told = [state](std::exception_ptr error, T result) {
    if (!error) state->result = std::move(result);
    state->timer.cancel();
  };
  asio::co_spawn(executor, std::move(work), std::move(told));
  boost::system::error_code ignored;
  if (!state->result) co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return std::move(state->result);
}

Task<std::vector<engine::DescriptionPtr>> describe_or_known(Services& services, std::vector<engine::NodeSource> sources,
                                                            Clock::duration patience) {
  auto known = co_await services.describer.known(sources);
  if (std::all_of(known.begin(), known.end(), [](const auto& one) { return one != nullptr; })) co_return known;
  auto work = services.describer.describe(sources);
  auto all = co_await wait_within(services.engine_executor, std::move(work), patience);
  if (all) co_return std::move(*all);
  known = co_await services.describer.known(sources);
  co_return known;
}

}  // namespace

Task<std::optional<std::vector<Finding>>> check_within(Services& services, json::object document,
                                                       std::optional<std::string> owner, Clock::duration patience) {
  auto job = [&services, document = std::move(document), owner = std::move(owner), patience]() mutable {
    return wait_within(services.engine_executor, check_now(services, std::move(document), std::move(owner)), patience);
  };
  auto findings = co_await on_engine(services, std::move(job));
  co_return findings;
}

Task<std::vector<engine::DescriptionPtr>> describe_within(Services& services, std::vector<engine::NodeSource> sources,
                                                          Clock::duration patience) {
  auto job = [&services, sources = std::move(sources), patience]() mutable {
    return describe_or_known(services, std::move(sources), patience);
  };
  auto descriptions = co_await on_engine(services, std::move(job));
  co_return descriptions;
}

void refuse_wrong_types(const std::vector<Finding>& findings) {
  const Finding* first = nullptr;
  json::array all;
  for (const Finding& finding : findings) {
    all.push_back(engine::to_json(finding));
    if (first == nullptr && finding.severity == Finding::Severity::error) first = &finding;
  }
  if (first == nullptr) return;
  json::object details = first->details;
  details["node"] = first->node;
  details["node_id"] = first->node_id;
  details["pointer"] = first->pointer;
  details["findings"] = std::move(all);
  throw Fault(FaultKind::unprocessable, first->code, first->message, std::move(details));
}

}  // namespace qflow::api
