// The types of values that pass through nodes of flow: `if` gives what it takes, `for_each` the elements of its list.
// Any thread; runs no code.
#pragma once
#include <vector>

#include "daemon/check/step_types.hpp"

namespace qflow::check {

/// The type of each output of each step that is a node of flow, and the classes that it mentions; nothing for other
/// steps. `types`: of the other steps.
struct FlowTypes {
  std::vector<std::vector<schema::Type>> outputs;  ///< by step and output
  std::vector<const schema::Classes*> classes;     ///< by step; null: none
};
FlowTypes flow_types(const flow::Plan& plan, const std::vector<StepTypes>& types);

/// Steps that may end without a value although nothing fails: a choice, or what follows one.
std::vector<bool> steps_that_may_be_absent(const flow::Plan& plan);

}  // namespace qflow::check
