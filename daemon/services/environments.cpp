#include "daemon/services/environments.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/workers/proc.hpp"

namespace qflow::services {
namespace {

constexpr std::size_t kMost = 32;  // each holds a zygote
constexpr std::size_t kMostOfOne = 8;

void note(Services& services, const store::Container& c, const std::string& level, const std::string& message) {
  services.store.post(
      [id = c.id, level, message](sqlite::Tx& tx) { store::insert_container_log(tx, id, now_us(), level, message); });
}

void announce(Services& services, const char* type, const store::Container& c) {
  services.events.publish(observe::Channel::containers, type, c.created_by.value_or(""),
                          {{"containerId", c.id}, {"python_version", c.python_version}, {"status", c.status}});
}

// Reading /proc takes a while, so it stays off the strand that executions need.
std::map<std::string, EnvironmentUse> measure(const std::vector<workers::Pool::EnvironmentState>& states) {
  std::map<std::string, EnvironmentUse> uses;
  const workers::ProcessTable table;
  for (const auto& state : states) {
    EnvironmentUse& use = uses[state.name];
    for (const pid_t zygote : state.pids)
      for (const pid_t pid : table.tree_of(zygote, 4096)) {
        const auto shared = workers::proportional_memory(pid);
        use.memory_bytes += static_cast<std::int64_t>(shared ? *shared : workers::status_of(pid).anonymous);
        use.cpu_us += workers::own_cpu_us(pid);
        ++use.processes;
      }
  }
  return uses;
}

}  // namespace

Task<std::map<std::string, EnvironmentUse>> EnvironmentMeter::look(Services& services) {
  using States = std::vector<workers::Pool::EnvironmentState>;
  auto list = [&services]() -> Task<States> { co_return services.engine.pool().states(); };
  const States states = co_await on_engine(services, std::move(list));
  auto walk = [&states] { return measure(states); };
  auto found = co_await services.store.offload(std::move(walk));
  take_shares(found);
  co_return found;
}

Task<EnvironmentUse> EnvironmentMeter::look(Services& services, std::string id) {
  const auto all = co_await look(services);
  const auto found = all.find(id);
  co_return found == all.end() ? EnvironmentUse{} : found->second;
}

// Environments that are gone are forgotten with the look that no longer finds them.
void EnvironmentMeter::take_shares(std::map<std::string, EnvironmentUse>& uses) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::map<std::string, Before> next;
  for (auto& [name, use] : uses) {
    if (const auto last = before_.find(name); last != before_.end()) {
      const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - last->second.when).count();
      const auto used = static_cast<double>(use.cpu_us - last->second.cpu_us);
      if (passed > 0) use.cpu_percent = std::max(0.0, 100.0 * used / static_cast<double>(passed));
    }
    next[name] = {now, use.cpu_us};
  }
  before_ = std::move(next);
}

Task<store::Container> create_environment(Services& services, std::optional<std::string> python_version,
                                          const std::string& user_id) {
  const auto settings = services.settings.get();
  const std::string version = python_version.value_or(settings->default_python);
  workers::pyhost_for(settings->pythons, version);
  store::Container c;
  c.id = new_id();
  c.python_version = version;
  c.status = "creating";
  c.created_by = user_id;
  c.created_at = now_us();
  c.resource_limits = json::serialize(
      json::object{{"max_memory", settings->limits.memory}, {"max_cpu", settings->limits.cpu_millis / 1000.0}});
  auto job = [c](sqlite::Tx& tx) {
    const bool full = store::list_containers(*tx.operator->(), std::nullopt).size() >= kMost;
    if (full || store::list_containers(*tx.operator->(), c.created_by).size() >= kMostOfOne)
      throw Fault(FaultKind::conflict, "too_many_containers",
                  fmt::format("at most {} containers may exist, {} per user; delete one first", kMost, kMostOfOne));
    store::insert_container(tx, c);
  };
  co_await services.store.write(std::move(job));
  announce(services, "container.created", c);
  // A start takes about a tenth of a second.
  asio::co_spawn(co_await asio::this_coro::executor, start_environment(services, c), asio::detached);
  co_return c;
}

Task<> start_environment(Services& services, store::Container c) {
  const auto start = Clock::now();
  try {
    auto job = [&services, c] { return services.engine.pool().warm_up(c.python_version, c.id); };
    co_await on_engine(services, std::move(job));
    c.status = "running";
    c.started_at = now_us();
    services.metrics.container_created(c.python_version, milliseconds_since(start) / 1000);
    note(services, c, "info",
         fmt::format("Python {} is up after {:.1f} ms", c.python_version, milliseconds_since(start)));
  } catch (const std::exception& error) {
    c.status = "error";
    c.error = error.what();
    note(services, c, "error", c.error);
  }
  auto write = [c](sqlite::Tx& tx) { store::update_container(tx, c); };
  co_await services.store.write(std::move(write));
  announce(services, "container.status", c);
}

Task<std::vector<store::Container>> list_environments(Services& services, const auth::Caller& caller) {
  auto job = [owner = caller.owner_filter()](sqlite::Db& db) { return store::list_containers(db, owner); };
  return services.store.read(std::move(job));
}

Task<std::vector<store::ContainerLog>> environment_log(Services& services, const auth::Caller& caller, std::string id,
                                                       std::int64_t limit) {
  const store::Container c = co_await find_environment(services, caller, std::move(id));
  auto job = [id = c.id, limit](sqlite::Db& db) { return store::container_logs(db, id, limit); };
  auto rows = co_await services.store.read(std::move(job));
  co_return rows;
}

Task<store::Container> find_environment(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Db& db) { return store::find_container(db, id, owner); };
  auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("container", id);
  co_return std::move(*found);
}

Task<> remove_environment(Services& services, const auth::Caller& caller, std::string id) {
  const store::Container c = co_await find_environment(services, caller, std::move(id));
  auto job = [id = c.id](sqlite::Tx& tx) { return store::delete_container(tx, id); };
  co_await services.store.write(std::move(job));
  auto drop = [&services, id = c.id]() -> Task<> {
    services.engine.pool().drop(id);
    services.engine.kept_workers().clear();
    co_return;
  };
  co_await on_engine(services, std::move(drop));
  announce(services, "container.removed", c);
}

namespace {

// PEP 508's names and versions; no pip options, nothing with a special meaning to a shell.
bool is_package(const std::string& text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 200 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || std::string_view("._-[],<>=!~+*").find(c) != std::string_view::npos;
         });
}

Fault not_yet() {
  return {FaultKind::not_implemented, "not_implemented",
          "this release does not install packages; nodes import what this host's Python has"};
}

}  // namespace

Task<> install_packages(Services& services, const auth::Caller& caller, std::string id,
                        std::vector<std::string> packages) {
  co_await find_environment(services, caller, std::move(id));
  InputProblems problems("invalid_body");
  for (std::size_t i = 0; i < packages.size(); ++i)
    if (!is_package(packages[i]))
      problems.add(fmt::format("/packages/{}", i),
                   "expected a package name, optionally with a version, such as requests>=2.31");
  problems.throw_if_any();
  throw not_yet();
}

Task<> remove_package(Services& services, const auth::Caller& caller, std::string id, std::string) {
  co_await find_environment(services, caller, std::move(id));
  throw not_yet();
}

}  // namespace qflow::services
