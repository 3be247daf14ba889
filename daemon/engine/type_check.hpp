// A plan's connections and literals against the types of its functions, before anything runs. Any thread; runs no code.
#pragma once
#include <string>
#include <vector>

#include "daemon/engine/plan.hpp"
#include "daemon/typing/catalog.hpp"
#include "schema/description.hpp"

namespace qflow::engine {

/// Something to be said of a workflow. `error` keeps it from running, `warning` and `info` do not.
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

/// What is known of the function of one step. Null: nothing, so nothing is said of it.
struct StepTypes {
  const schema::NodeFunction* function = nullptr;
  const schema::Classes* classes = nullptr;
};

/// How a plan is looked at.
struct Look {
  bool with_input = false;  ///< the execution's input is at hand (`input`), not still to come
  const json::value* input = nullptr;
  bool suggestions = true;  ///< what would make a connection fit; costs more than finding that it does not
  bool types_only = false;  ///< the engine says itself what cannot be bound
};

/// Findings of the connections and literals of all steps, in the plan's order. One entry of `types` a step. What
/// `plan.types` is off for becomes a warning.
std::vector<Finding> check_types(const Plan& plan, const std::vector<StepTypes>& types, const typing::Catalog& catalog,
                                 const Look& look = {});

/// The type of an output of a step: its whole value, or one of several declared outputs.
schema::Type output_type(const Step& step, const StepTypes& types, const Source& source);

}  // namespace qflow::engine
