#include "daemon/services/health_checks.hpp"

#include <algorithm>

#include "daemon/base/time.hpp"
#include "daemon/services/environments.hpp"
#include "daemon/store/usage_rows.hpp"

namespace qflow::services {

Task<DatabaseHealth> database_health(Services& services) {
  DatabaseHealth out;
  const auto start = Clock::now();
  try {
    auto job = [](sqlite::Db& db) { store::ping(db); };
    co_await services.store.read(std::move(job));
    out.problem = services.store.write_problem();
  } catch (const std::exception& error) {
    out.problem = error.what();
  }
  out.response_ms = milliseconds_since(start);
  co_return out;
}

bool PythonHealth::ready() const {
  return std::any_of(environments.begin(), environments.end(), [](const auto& state) { return state.ready; });
}

Task<PythonHealth> python_health(Services& services) {
  auto look = [&services]() -> Task<PythonHealth> {
    PythonHealth out;
    out.environments = services.engine.pool().states();
    const auto& counts = services.engine.pool().counts();
    out.running = services.engine.running();
    out.waiting = services.engine.waiting();
    out.kept = services.engine.kept_workers().size();
    out.spare_hits = counts.spare_hits;
    out.spare_misses = counts.spare_misses;
    out.zygotes_lost = counts.zygotes_lost;
    co_return out;
  };
  PythonHealth out = co_await on_engine(services, std::move(look));
  for (const auto& [version, path] : services.settings.get()->pythons) out.versions.push_back(version);
  co_return out;
}

SandboxHealth sandbox_health(const Services& services) {
  SandboxHealth out{services.engine.isolation_level(), {}};
  for (const sandbox::HostFinding& finding : services.host.findings)
    if (!finding.available) out.missing.push_back(finding);
  return out;
}

Health overall(const DatabaseHealth& database, const PythonHealth& pythons) {
  if (!database.problem.empty()) return Health::unhealthy;
  return pythons.ready() ? Health::healthy : Health::degraded;
}

Task<observe::Metrics::Now> gauges(Services& services) {
  observe::Metrics::Now now;
  auto list = [](sqlite::Db& db) { return store::list_containers(db, std::nullopt); };
  const auto containers = co_await services.store.read(std::move(list));
  const auto use = co_await services.environments.look(services);
  const auto add = [&](const std::string& key, std::string id, std::string python, std::string status) {
    const auto found = use.find(key);
    const EnvironmentUse own = found == use.end() ? EnvironmentUse{} : found->second;
    now.containers.push_back({std::move(id), std::move(python), std::move(status), own.cpu_percent,
                              static_cast<double>(own.memory_bytes), 0});
  };
  for (const auto& c : containers) add(c.id, c.id, c.python_version, c.status);
  // The environments of the versions themselves, which nobody has made.
  if (use.count("") != 0) add("", "default", services.settings.get()->default_python, "running");
  const PythonHealth pythons = co_await python_health(services);
  now.spare_hits = pythons.spare_hits;
  now.spare_misses = pythons.spare_misses;
  now.running = pythons.running;
  now.waiting = pythons.waiting;
  now.kept = pythons.kept;
  for (const engine::Priority one : {engine::Priority::first, engine::Priority::later, engine::Priority::last})
    now.waiting_by_class.emplace_back(engine::kPriorityWords[static_cast<std::size_t>(one)],
                                      services.engine.waiting(one));
  now.subscribers = services.events.subscribers();
  co_return now;
}

Task<WorkflowHealth> workflow_health(Services& services) {
  auto job = [since = now_us() - 3'600'000'000](sqlite::Db& db) { return store::recent_success(db, since); };
  const store::RecentSuccess recent = co_await services.store.read(std::move(job));
  WorkflowHealth out;
  out.ended = recent.ended;
  if (recent.ended > 0) out.success_rate = static_cast<double>(recent.completed) / static_cast<double>(recent.ended);
  co_return out;
}

}  // namespace qflow::services
