#include "daemon/api/installation/containers.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/environments.hpp"
#include "daemon/store/asset_rows.hpp"
#include "daemon/workers/proc.hpp"

namespace qflow::api {
namespace {

json::object usage_view(const services::EnvironmentUse& use) {
  return {{"cpu_percent", use.cpu_percent}, {"memory_bytes", use.memory_bytes}, {"processes", use.processes}};
}

json::object view(const store::Container& c, const services::EnvironmentUse& use) {
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

Task<Reply> list_containers(Services& services, const Request& request) {
  auto job = [owner = request.caller->owner_filter()](sqlite::Db& db) { return store::list_containers(db, owner); };
  const auto rows = co_await services.store.read(std::move(job));
  const auto use = co_await services.environments.look(services);
  json::array out;
  for (const auto& row : rows) {
    const auto found = use.find(row.id);
    out.push_back(view(row, found == use.end() ? services::EnvironmentUse{} : found->second));
  }
  co_return Reply::of(json::object{{"containers", std::move(out)}});
}

Task<Reply> create_container(Services& services, const Request& request) {
  Body body(request.json_object());
  const auto settings = services.settings.get();
  const auto version = body.text("python_version", 20).value_or(settings->default_python);
  body.check();
  const store::Container c = co_await services::create_environment(services, version, request.caller->user_id);
  co_return Reply::of(201, view(c, {}));
}

Task<Reply> get_container(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const auto use = co_await services.environments.look(services);
  const auto found = use.find(c.id);
  co_return Reply::of(view(c, found == use.end() ? services::EnvironmentUse{} : found->second));
}

Task<Reply> delete_container(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  co_await services::remove_environment(services, c);
  co_return Reply::success();
}

Task<Reply> get_container_resources(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const auto use = co_await services.environments.look(services);
  const auto found = use.find(c.id);
  const services::EnvironmentUse own = found == use.end() ? services::EnvironmentUse{} : found->second;
  const auto settings = services.settings.get();
  json::object out = usage_view(own);
  out["memory_limit_bytes"] = settings->limits.memory;
  out["cpu_limit"] = settings->limits.cpu_millis / 1000.0;
  out["disk_bytes"] = 0;  // all environments share the interpreter's files
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

Task<Reply> install_dependencies(Services& services, const Request& request) {
  co_await load(services, request);
  Body body(request.json_object());
  const auto packages = body.texts("packages").value_or(std::vector<std::string>());
  body.text("requirements_file", 1U << 20U);
  for (std::size_t i = 0; i < packages.size(); ++i)
    if (!is_package(packages[i]))
      body.problem(fmt::format("/packages/{}", i),
                   "expected a package name, optionally with a version, such as requests>=2.31");
  body.check();
  throw not_yet();
}

Task<Reply> delete_dependency(Services& services, const Request& request) {
  co_await load(services, request);
  throw not_yet();
}

}  // namespace qflow::api
