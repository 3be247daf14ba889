// Checks values that are given to steps instead of being made. Any thread; runs no code.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "daemon/check/type_check.hpp"

namespace qflow::check {

/// Findings about values that are given to steps instead of being made: `pins`, JSON texts by step, that are not of the
/// type which the step's function returns.
std::vector<Finding> check_pins(const flow::Plan& plan, const std::vector<StepTypes>& types,
                                const std::map<std::size_t, std::string>& pins);

}  // namespace qflow::check
