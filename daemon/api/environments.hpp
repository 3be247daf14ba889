// Python environments as processes: what they use, and starting those that the store knows.
#pragma once
#include <map>
#include <string>

#include "daemon/api/services.hpp"
#include "daemon/store/assets.hpp"

namespace qflow::api {

struct EnvironmentUse {
  double cpu_percent = 0;  ///< of one processor, since the last look
  std::int64_t memory_bytes = 0, cpu_us = 0;
  std::int64_t processes = 0;
};

/// What each environment's zygotes, spares and workers use now, by container id ("": those of no container).
Task<std::map<std::string, EnvironmentUse>> environment_use(Services& services);
/// Brings its zygote up and writes how that went.
Task<> start_container(Services& services, store::Container container);

}  // namespace qflow::api
