// What a node says about its errors: how often it is tried, and whether the execution goes on. Any thread.
#pragma once
#include "daemon/base/members.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// Reads retryOnFail, maxTries, waitBetweenTries, backoff, jitter, retryOn and onError (or n8n's older continueOnFail)
/// of a node into `node`. What is wrong is added to the problems.
void read_error_settings(const Members& from, Node& node);

}  // namespace qflow::flow
