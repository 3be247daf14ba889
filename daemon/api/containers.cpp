// /containers: Python environments. One is a zygote of its own with its spares; workflows name it in
// settings.container.
#include <fmt/format.h>

#include "daemon/api/body.hpp"
#include "daemon/api/environments.hpp"
#include "daemon/api/handlers.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/store/assets.hpp"
#include "daemon/workers/proc.hpp"

namespace qflow::api {
namespace {

constexpr std::size_t kMost = 32;  // each holds a zygote
constexpr std::size_t kMostEach = 8;

json::object usage_view(const EnvironmentUse& use) {
  return {{"cpu_percent", use.cpu_percent}, {"memory_bytes", use.memory_bytes}, {"processes", use.processes}};
}

json::object view(const store::Container& c, const EnvironmentUse& use) {
  json::object out{{"id", c.id},
                   {"python_version", c.python_version},
                   {"status", c.status},
                   {"error", nullptr},
                   {"created_at", iso_time(c.created_at)},
                   {"started_at", nullptr},
                   {"resource_usage", usage_view(use)}};
  if (!c.error.empty()) out["error"] = c.error;
  if (c.started_at) out["started_at"] = iso_time(*c.started_at);
  return out;
}

Task<store::Container> load(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_container(db, id, owner);
  };
  const auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("container", request.parameter("id"));
  co_return *found;
}

}  // namespace

Task<std::map<std::string, EnvironmentUse>> environment_use(Services& services) {
  using States = std::vector<workers::Pool::EnvironmentState>;
  auto look = [&services]() -> Task<States> { co_return services.engine.pool().states(); };
  const States states = co_await on_engine(services, std::move(look));
  // Reading /proc takes a while: not on the strand that executions need.
  auto walk = [&states] {
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
  };
  auto found = co_await services.store.offload(std::move(walk));
  // Processor use as the share of one processor since the last look.
  static std::mutex mutex;
  static std::map<std::string, std::pair<Clock::time_point, std::int64_t>> before;
  const std::lock_guard lock(mutex);
  const auto now = Clock::now();
  for (auto& [name, use] : found) {
    auto& [when, cpu_us] = before[name];
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - when).count();
    if (when != Clock::time_point() && passed > 0)
      use.cpu_percent = std::max(0.0, 100.0 * static_cast<double>(use.cpu_us - cpu_us) / static_cast<double>(passed));
    when = now;
    cpu_us = use.cpu_us;
  }
  co_return found;
}

void log_container(Services& services, const store::Container& c, const std::string& level,
                   const std::string& message) {
  services.store.post(
      [id = c.id, level, message](sqlite::Tx& tx) { store::insert_container_log(tx, id, now_us(), level, message); });
}

void announce_container(Services& services, const char* type, const store::Container& c) {
  services.events.publish(observe::Channel::containers, type, c.created_by.value_or(""),
                          {{"containerId", c.id}, {"python_version", c.python_version}, {"status", c.status}});
}

Task<> start_container(Services& services, store::Container container) {
  const auto start = Clock::now();
  try {
    auto job = [&services, container] {
      return services.engine.pool().warm_up(container.python_version, container.id);
    };
    co_await on_engine(services, std::move(job));
    container.status = "running";
    container.started_at = now_us();
    services.metrics.container_created(container.python_version, milliseconds_since(start) / 1000);
    log_container(services, container, "info",
                  fmt::format("Python {} is up after {:.1f} ms", container.python_version, milliseconds_since(start)));
  } catch (const std::exception& error) {
    container.status = "error";
    container.error = error.what();
    log_container(services, container, "error", container.error);
  }
  auto write = [container](sqlite::Tx& tx) { store::update_container(tx, container); };
  co_await services.store.write(std::move(write));
  announce_container(services, "container.status", container);
}

Task<Reply> list_containers(Services& services, const Request& request) {
  auto job = [owner = request.caller->owner_filter()](sqlite::Db& db) { return store::list_containers(db, owner); };
  const auto rows = co_await services.store.read(std::move(job));
  const auto use = co_await environment_use(services);
  json::array out;
  for (const auto& row : rows) {
    const auto found = use.find(row.id);
    out.push_back(view(row, found == use.end() ? EnvironmentUse{} : found->second));
  }
  co_return Reply::of(json::object{{"containers", std::move(out)}});
}

Task<Reply> create_container(Services& services, const Request& request) {
  Body body(request);
  const auto settings = services.settings.get();
  store::Container c;
  c.id = new_id();
  c.python_version = body.text("python_version", 20).value_or(settings->default_python);
  body.check();
  workers::pyhost_for(settings->pythons, c.python_version);
  c.status = "creating";
  c.created_by = request.caller->user_id;
  c.created_at = now_us();
  c.resource_limits = json::serialize(
      json::object{{"max_memory", settings->limits.memory}, {"max_cpu", settings->limits.cpu_millis / 1000.0}});
  auto job = [c](sqlite::Tx& tx) {
    const bool full = store::list_containers(*tx.operator->(), std::nullopt).size() >= kMost;
    if (full || store::list_containers(*tx.operator->(), c.created_by).size() >= kMostEach)
      throw Fault(FaultKind::conflict, "too_many_containers",
                  fmt::format("there may be {} containers, {} of one user; delete one first", kMost, kMostEach));
    store::insert_container(tx, c);
  };
  co_await services.store.write(std::move(job));
  announce_container(services, "container.created", c);
  // Its state follows by itself; a start takes about a tenth of a second.
  asio::co_spawn(co_await asio::this_coro::executor, start_container(services, c), asio::detached);
  co_return Reply::of(201, view(c, {}));
}

Task<Reply> get_container(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const auto use = co_await environment_use(services);
  const auto found = use.find(c.id);
  co_return Reply::of(view(c, found == use.end() ? EnvironmentUse{} : found->second));
}

Task<Reply> delete_container(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  auto job = [id = c.id](sqlite::Tx& tx) { return store::delete_container(tx, id); };
  co_await services.store.write(std::move(job));
  auto drop = [&services, id = c.id]() -> Task<> {
    services.engine.pool().drop(id);
    co_return;
  };
  co_await on_engine(services, std::move(drop));
  announce_container(services, "container.removed", c);
  co_return Reply::success();
}

Task<Reply> get_container_resources(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const auto use = co_await environment_use(services);
  const auto found = use.find(c.id);
  const EnvironmentUse own = found == use.end() ? EnvironmentUse{} : found->second;
  const auto settings = services.settings.get();
  json::object out = usage_view(own);
  out["memory_limit_bytes"] = settings->limits.memory;
  out["cpu_limit"] = settings->limits.cpu_millis / 1000.0;
  out["disk_bytes"] = 0;  // it shares the interpreter's files with all others
  co_return Reply::of(out);
}

Task<Reply> get_container_logs(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const std::int64_t limit = request.integer("limit", 100, 1, 1000);
  auto job = [id = c.id, limit](sqlite::Db& db) { return store::container_logs(db, id, limit); };
  const auto rows = co_await services.store.read(std::move(job));
  json::array logs;
  for (const auto& row : rows)
    logs.push_back(json::object{{"timestamp", iso_time(row.at)}, {"level", row.level}, {"message", row.message}});
  co_return Reply::of(json::object{{"logs", std::move(logs)}});
}

Task<Reply> list_dependencies(Services& services, const Request& request) {
  co_await load(services, request);
  co_return Reply::of(json::object{{"dependencies", json::array()}});
}

namespace {
// PEP 508's names and versions; no option of pip, nothing that a shell would take for something else.
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
          "this release installs no packages; nodes import what the Python of this host has"};
}
}  // namespace

Task<Reply> install_dependencies(Services& services, const Request& request) {
  co_await load(services, request);
  Body body(request);
  const auto packages = body.texts("packages").value_or(std::vector<std::string>());
  body.text("requirements_file", 1U << 20U);
  for (std::size_t i = 0; i < packages.size(); ++i)
    if (!is_package(packages[i]))
      body.problem(fmt::format("/packages/{}", i),
                   "expected a package's name, with a version if need be: requests>=2.31");
  body.check();
  throw not_yet();
}

Task<Reply> delete_dependency(Services& services, const Request& request) {
  co_await load(services, request);
  throw not_yet();
}

}  // namespace qflow::api
