// Trying out and describing a node's code, for /nodes/python and the node library.
#pragma once
#include <string>
#include <vector>

#include "daemon/api/services.hpp"
#include "daemon/engine/plan.hpp"

namespace qflow::api {

/// A plan of the one node that a body describes: {code, function, python_version, timeout, memory, sandbox}. Throws
/// Fault(bad_input).
engine::Plan plan_of_node(const Services& services, const json::object& body);
/// Runs it with the body's `input_data`: {success, output, execution_time, error, ...}.
Task<json::object> try_node(Services& services, const json::object& body);

struct NodeDescription {
  engine::DescriptionPtr description;
  engine::CatalogPtr catalog;  ///< of the caller
  std::vector<std::string> errors, warnings;
};
/// Has a worker look at it; `execute: false` in the body: only at the text.
Task<NodeDescription> describe_node(Services& services, const Request& request, const json::object& body);

}  // namespace qflow::api
