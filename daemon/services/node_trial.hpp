// Trying out and describing the code of a node that is not part of a workflow.
#pragma once
#include <string>
#include <vector>

#include "daemon/check/catalog_loader.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// Runs an order of the user `order.created_by` to its end; nothing is recorded. Throws Fault(unavailable) when too
/// many executions wait.
Task<engine::Outcome> run_unrecorded(Services& services, engine::Order order);
/// The same for an order that has been admitted, or needs no place of its own.
Task<engine::Outcome> run_admitted(Services& services, engine::Order order);

/// A plan of the one node that a body describes: {code, function, python_version, timeout, memory, sandbox}. Throws
/// Fault(bad_input).
flow::Plan plan_of_node(const Services& services, const json::object& body);
/// Runs it for the user `who` with the body's `input_data`; nothing is recorded. Throws Fault: bad_input, or
/// unavailable when too many executions wait.
Task<engine::Outcome> try_node(Services& services, const json::object& body, const std::string& who);

struct DescribedNode {
  check::DescriptionPtr description;
  check::CatalogPtr catalog;  ///< of `who`
  std::vector<std::string> errors, warnings;
};
/// Has a worker describe it for the user `who`; with `execute: false` in the body, from its text alone.
Task<DescribedNode> describe_node(Services& services, const json::object& body, const std::string& who);

}  // namespace qflow::services
