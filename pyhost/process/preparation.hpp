// What is done in the zygote, so that its workers share it. Zygote and worker process.
#pragma once
#include "sandbox/policy.hpp"

namespace qflow::pyhost {

/// In the zygote, before the first fork: touches what every worker needs. Throws std::runtime_error.
void prepare_worker_code(const sandbox::Policy& policy);

/// Compiles, calls and previews once, so that the pages this needs are private before the first job comes.
void warm_up();

}  // namespace qflow::pyhost
