// What every start of an execution needs, new or again. Io threads.
#pragma once
#include <string>

#include "daemon/services/services.hpp"

namespace qflow::services {

/// Runs the order to its end; the workflow for errors starts when it has failed. Nobody needs to await this: the engine
/// owns the execution, and drain() waits for it. On the engine strand.
Task<> run_in_background(Services& services, engine::Order order);
/// The environment that a workflow names sets its Python version, unless the workflow sets one itself. Throws Fault:
/// bad_input when it is missing or of another user, conflict when it does not run.
Task<> settle_container(Services& services, flow::Graph& graph, const std::string& created_by);
/// How functions take the input of an execution of that mode.
flow::InputRules rules_of(const std::string& mode);

}  // namespace qflow::services
