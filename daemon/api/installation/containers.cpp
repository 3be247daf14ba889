#include "daemon/api/installation/containers.hpp"

#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/environments.hpp"
#include "daemon/store/asset_rows.hpp"

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
  return services::find_environment(services, *request.caller, request.parameter("id"));
}

}  // namespace

Task<Reply> list_containers(Services& services, const Request& request) {
  const auto rows = co_await services::list_environments(services, *request.caller);
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
  auto version = body.text("python_version", 20);
  body.check();
  const store::Container c =
      co_await services::create_environment(services, std::move(version), request.caller->user_id);
  co_return Reply::of(201, view(c, {}));
}

Task<Reply> get_container(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const services::EnvironmentUse use = co_await services.environments.look(services, c.id);
  co_return Reply::of(view(c, use));
}

Task<Reply> delete_container(Services& services, const Request& request) {
  co_await services::remove_environment(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> get_container_resources(Services& services, const Request& request) {
  const store::Container c = co_await load(services, request);
  const services::EnvironmentUse own = co_await services.environments.look(services, c.id);
  const auto settings = services.settings.get();
  json::object out = usage_view(own);
  out["memory_limit_bytes"] = settings->limits.memory;
  out["cpu_limit"] = settings->limits.cpu_millis / 1000.0;
  out["disk_bytes"] = 0;  // all environments share the interpreter's files
  co_return Reply::of(out);
}

Task<Reply> get_container_logs(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 100, 1, 1000);
  const auto rows = co_await services::environment_log(services, *request.caller, request.parameter("id"), limit);
  json::array logs;
  for (const auto& row : rows)
    logs.push_back(json::object{{"timestamp", iso_time(row.at)}, {"level", row.level}, {"message", row.message}});
  co_return Reply::of(json::object{{"logs", std::move(logs)}});
}

Task<Reply> list_dependencies(Services& services, const Request& request) {
  co_await load(services, request);
  co_return Reply::of(json::object{{"dependencies", json::array()}});
}

Task<Reply> install_dependencies(Services& services, const Request& request) {
  Body body(request.json_object());
  auto packages = body.texts("packages").value_or(std::vector<std::string>());
  body.text("requirements_file", 1U << 20U);
  body.check();
  co_await services::install_packages(services, *request.caller, request.parameter("id"), std::move(packages));
  co_return Reply::success();
}

Task<Reply> delete_dependency(Services& services, const Request& request) {
  co_await services::remove_package(services, *request.caller, request.parameter("id"), request.parameter("package"));
  co_return Reply::success();
}

}  // namespace qflow::api
