// Workflows that run other workflows (qflow.workflow). Engine strand.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/order.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// Bytes of JSON that another workflow may give.
inline constexpr std::size_t kMostAnswer = 8U << 20U;

/// `callers` run one another already, ids or paths, and are to run `name` next. Throws Fault(conflict) when they are
/// too many, or it is one of them more often than `max_depth` says. Any thread.
void refuse_depth(const std::vector<std::string>& callers, const std::string& name, unsigned max_depth);
/// The only value, or {"node": value} of several: names and JSON texts. Any thread.
std::string joined_values(std::vector<std::pair<std::string, std::string>> values);

/// Lets the execution run other workflows of its owner: those are executions of their own, in its place. Their record
/// names it. At most flow::kMostDepth may run one another, and none itself unless its node says how deep.
void let_call_workflows(Services& services, engine::Order& order);

}  // namespace qflow::services
