// Which executions are counted together (settings.concurrency): the value of the workflow's `key`, an expression that a
// worker evaluates over the input.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>

#include "daemon/engine/concurrency.hpp"
#include "daemon/flow/graph.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The value of the key as JSON text; empty: the workflow has no key. Runs a worker, on `who`'s account; `ticket`: of
/// the execution, null for one that runs in the place of another, as this does then. Throws Fault(bad_input) when it
/// fails, or is no text, number, truth value or None of at most 200 bytes.
Task<std::string> concurrency_key(Services& services, const flow::Graph& graph, std::optional<json::value> input,
                                  std::string who, std::shared_ptr<engine::Ticket> ticket);
/// The rule of an execution of that workflow with that key.
engine::ConcurrencyRule concurrency_rule(const flow::Graph& graph, const std::optional<std::string>& workflow_id,
                                         const std::string& key);

}  // namespace qflow::services
