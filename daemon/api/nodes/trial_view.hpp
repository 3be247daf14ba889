// The outcome of a trial run of a node, as the API shows it. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include "daemon/engine/outcome.hpp"

namespace qflow::api {

/// {success, output, execution_time, error, outcome, denied, resource_usage, stdout, stderr, warnings, …} of an outcome
/// of one step.
boost::json::object trial_view(const engine::Outcome& outcome);

}  // namespace qflow::api
