// Checks a plan's connections and literals against its functions' types before anything runs. Any thread; runs no code.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "daemon/check/finding.hpp"
#include "daemon/check/step_types.hpp"
#include "daemon/flow/inputs.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/typing/catalog.hpp"

namespace qflow::check {

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

}  // namespace qflow::check
