#include "daemon/check/pin_check.hpp"

#include <fmt/format.h>

#include "schema/text/parse_json.hpp"
#include "schema/typing/json_check.hpp"
#include "schema/typing/json_schema.hpp"

namespace qflow::check {
namespace {

constexpr std::size_t kPinSchemaSteps = 20;  // for writing the schema of a small type

}  // namespace

std::vector<Finding> check_pins(const flow::Plan& plan, const std::vector<StepTypes>& types,
                                const std::map<std::size_t, std::string>& pins) {
  std::vector<Finding> out;
  schema::CheckBudget budget;
  for (const auto& [step, text] : pins) {
    if (types[step].function == nullptr || plan.steps[step].node.outputs.size() > 1) continue;
    const schema::Type& type = types[step].function->output.type;
    if (type.kind == schema::Type::Kind::any || !budget.spend(kPinSchemaSteps)) continue;
    std::string error;
    const schema::Classes none;
    schema::SchemaWriter writer(types[step].classes == nullptr ? none : *types[step].classes);
    const json::object schema = writer.finish(writer.schema_of(type));
    const schema::Problems problems = schema::check_json(schema::parse_json(text, error, 200), schema, budget);
    if (problems.empty()) continue;
    const flow::Node& node = plan.steps[step].node;
    Finding finding;
    finding.code = "invalid_pin";
    finding.message = fmt::format("node \"{}\": its pinned value is not the {} that it returns: {}{}{}", node.name,
                                  schema::text(type), problems.front().pointer,
                                  problems.front().pointer.empty() ? "" : ": ", problems.front().what);
    finding.node = node.name;
    finding.node_id = node.id;
    finding.pointer = "/pinData/" + node.name;
    out.push_back(std::move(finding));
  }
  return out;
}

}  // namespace qflow::check
