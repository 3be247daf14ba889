// What is wrong with the parameters of a node of flow. Any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// Something wrong with the parameters of a node of flow.
struct ControlProblem {
  std::string pointer;  ///< below the node: "/parameters/rules/0/when"
  std::string what;
};
/// Unfinished work may be saved, so this is asked when a workflow is planned.
std::vector<ControlProblem> control_problems(const Node& node);

/// Why the text cannot be a Python expression; empty: it may be one.
std::string expression_problem(std::string_view text);

}  // namespace qflow::flow
