// Workflows that run other workflows (qflow.workflow). Engine strand.
#pragma once
#include "daemon/engine/order.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// Lets the execution run other workflows of its owner: those are executions of their own, in its place. Their record
/// names it. At most flow::kMostDepth may run one another, and none itself unless its node says how deep.
void let_call_workflows(Services& services, engine::Order& order);

}  // namespace qflow::services
