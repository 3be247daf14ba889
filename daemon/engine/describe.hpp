// What a node's code defines, found out in a worker: parsing user code happens nowhere else. Engine thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/engine/plan.hpp"
#include "daemon/workers/pool.hpp"
#include "schema/messages.hpp"

namespace qflow::engine {

struct Description {
  schema::Loaded loaded;
  std::vector<std::string> errors;  ///< empty: the code can be used
};

/// Loads the plan's first step without calling it. Throws Fault when no worker can be had.
Task<Description> describe_code(workers::Pool& pool, Plan plan);

}  // namespace qflow::engine
