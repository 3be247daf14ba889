// Checks a plan's connections and literals against its functions' types before anything runs. Any thread; runs no code.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/fault.hpp"
#include "daemon/flow/inputs.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/typing/catalog.hpp"
#include "schema/description.hpp"

namespace qflow::check {

/// Something to report about a workflow. `error` keeps it from running, `warning` and `info` do not.
struct Finding {
  enum class Severity { error, warning, info };
  Severity severity = Severity::error;
  std::string code;     ///< incompatible_types, invalid_literal, missing_argument, missing_package, …
  std::string message;  ///< names the node and what to do
  std::string node, node_id;
  std::string pointer;    ///< JSON pointer in the workflow
  std::int32_t line = 0;  ///< in the node's code, from 1; 0: none
  json::object details;   ///< source, target, output_type, input_type, suggestions, …
};
constexpr const char* word(Finding::Severity severity) {
  return severity == Finding::Severity::error ? "error" : severity == Finding::Severity::warning ? "warning" : "info";
}
json::object to_json(const Finding& finding);
bool has_errors(const std::vector<Finding>& findings);

/// What is known about the function of one step. Null: nothing, so nothing is reported about it.
struct StepTypes {
  const schema::NodeFunction* function = nullptr;
  const schema::Classes* classes = nullptr;
};

/// How to check a plan.
struct Look {
  bool with_input = false;  ///< the execution's input is known (`input`), not still to come
  const json::value* input = nullptr;
  flow::InputRules input_rules = flow::InputRules::open;
  std::set<std::size_t> pinned;  ///< steps that do not run: their arguments do not matter
  bool suggestions = true;       ///< suggest what would make a connection fit; costs more than finding that it does not
  bool types_only = false;       ///< leave out what cannot be bound: the engine itself reports it
};

/// Findings about the connections and literals of all steps, in the plan's order. One entry of `types` per step. With
/// `plan.types` off nothing is compared; with warn, a mismatch inside a type is a warning.
std::vector<Finding> check_types(const flow::Plan& plan, const std::vector<StepTypes>& types,
                                 const typing::Catalog& catalog, const Look& look = {});

/// Findings about values that are given to steps instead of being made: `pins`, JSON texts by step, that are not of the
/// type which the step's function returns.
std::vector<Finding> check_pins(const flow::Plan& plan, const std::vector<StepTypes>& types,
                                const std::map<std::size_t, std::string>& pins);

/// The type of an output of a step: its whole value, or one of several declared outputs.
schema::Type output_type(const flow::Step& step, const StepTypes& types, const flow::Source& source);

}  // namespace qflow::check
