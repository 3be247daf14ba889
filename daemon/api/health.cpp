// /health, open to everybody, so it tells nothing that is a secret; /metrics; the API's own description.
#include <fmt/format.h>

#include "daemon/api/environments.hpp"
#include "daemon/api/handlers.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/store/usage.hpp"
#include "openapi_json.hpp"  // made by CMake from schema/openapi.yaml

namespace qflow::api {
namespace {

Task<json::object> database_check(Services& services) {
  const auto start = Clock::now();
  try {
    auto job = [](sqlite::Db& db) {
      return db.one<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM workflows LIMIT 1)").value_or(0);
    };
    co_await services.store.read(std::move(job));
    if (const std::string problem = services.store.write_problem(); !problem.empty())
      co_return json::object{{"status", "unhealthy"}, {"backend", "sqlite"}, {"error", problem}};
    co_return json::object{{"status", "healthy"}, {"backend", "sqlite"}, {"response_ms", milliseconds_since(start)}};
  } catch (const std::exception& error) {
    co_return json::object{{"status", "unhealthy"}, {"backend", "sqlite"}, {"error", error.what()}};
  }
}

// There is no Redis: what it would hold is in this process.
json::object redis_check() { return {{"status", "healthy"}, {"backend", "in-process"}}; }

json::object container_check(Services& services) {
  json::array missing;
  for (const auto& finding : services.host.findings)
    if (!finding.available)
      missing.push_back(
          json::object{{"mechanism", finding.mechanism}, {"detail", finding.detail}, {"remedy", finding.remedy}});
  return {{"status", services.engine.isolation_level() >= 2 ? "healthy" : "degraded"},
          {"backend", "qflow sandbox"},
          {"isolation_level", services.engine.isolation_level()},
          {"missing", std::move(missing)}};
}

Task<json::object> python_check(Services& services) {
  auto look = [&services]() -> Task<json::object> {
    json::array environments;
    bool any = false;
    for (const auto& state : services.engine.pool().states()) {
      any = any || state.ready;
      environments.push_back(json::object{
          {"python", state.python}, {"ready", state.ready}, {"zygotes", state.zygotes}, {"spares", state.spares}});
    }
    const auto& counts = services.engine.pool().counts();
    co_return json::object{{"status", any ? "healthy" : "degraded"}, {"environments", std::move(environments)},
                           {"running", services.engine.running()},   {"waiting", services.engine.waiting()},
                           {"spare_hits", counts.spare_hits},        {"spare_misses", counts.spare_misses},
                           {"zygotes_lost", counts.zygotes_lost}};
  };
  json::object out = co_await on_engine(services, std::move(look));
  json::array available;
  for (const auto& [version, path] : services.settings.get()->pythons) available.push_back(json::value(version));
  out["available_versions"] = std::move(available);
  co_return out;
}

Task<json::object> workflow_check(Services& services) {
  auto job = [since = now_us() - 3'600'000'000](sqlite::Db& db) { return store::recent_success(db, since); };
  const store::RecentSuccess recent = co_await services.store.read(std::move(job));
  const double rate = recent.ended == 0 ? 1 : static_cast<double>(recent.completed) / static_cast<double>(recent.ended);
  co_return json::object{{"status", rate >= 0.95 ? "healthy" : "degraded"},
                         {"success_rate", rate},
                         {"executions_last_hour", recent.ended}};
}

}  // namespace

Task<Reply> health(Services& services, const Request&) {
  const json::object database = co_await database_check(services);
  const json::object pythons = co_await python_check(services);
  const bool database_ok = database.at("status") == "healthy";
  const bool workers_ok = pythons.at("status") == "healthy";
  json::object checks{{"database", database},
                      {"redis", redis_check()},
                      {"docker", container_check(services)},
                      {"python_environments", pythons}};
  const char* status = !database_ok ? "unhealthy" : workers_ok ? "healthy" : "degraded";
  co_return Reply::of(database_ok ? 200 : 503, json::object{{"status", status},
                                                            {"timestamp", iso_time(now_us())},
                                                            {"version", QFLOW_VERSION},
                                                            {"checks", std::move(checks)}});
}

Task<Reply> health_check(Services& services, const Request& request) {
  const std::string& name = request.parameter("check");
  json::object out;
  if (name == "database") out = co_await database_check(services);
  else if (name == "redis") out = redis_check();
  else if (name == "containers" || name == "docker") out = container_check(services);
  else if (name == "python") out = co_await python_check(services);
  else if (name == "workflows") out = co_await workflow_check(services);
  else throw missing("health check", name + "; there are database, redis, containers, python and workflows");
  out["timestamp"] = iso_time(now_us());
  co_return Reply::of(out.at("status") == "unhealthy" ? 503 : 200, out);
}

Task<Reply> metrics(Services& services, const Request&) {
  observe::Metrics::Now now;
  auto list = [](sqlite::Db& db) { return store::list_containers(db, std::nullopt); };
  const auto containers = co_await services.store.read(std::move(list));
  const auto use = co_await environment_use(services);
  for (const auto& c : containers) {
    const auto found = use.find(c.id);
    const EnvironmentUse own = found == use.end() ? EnvironmentUse{} : found->second;
    now.containers.push_back(
        {c.id, c.python_version, c.status, own.cpu_percent, static_cast<double>(own.memory_bytes), 0});
  }
  // The environment of each version that no container made.
  if (const auto shared = use.find(""); shared != use.end())
    now.containers.push_back({"default", services.settings.get()->default_python, "running", shared->second.cpu_percent,
                              static_cast<double>(shared->second.memory_bytes), 0});
  auto look = [&services, &now]() -> Task<> {
    const auto& counts = services.engine.pool().counts();
    now.spare_hits = counts.spare_hits;
    now.spare_misses = counts.spare_misses;
    now.running = services.engine.running();
    now.waiting = services.engine.waiting();
    co_return;
  };
  co_await on_engine(services, std::move(look));
  now.subscribers = services.events.subscribers();
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = services.metrics.text(now);
  co_return reply;
}

Task<Reply> openapi(Services&, const Request&) {
  Reply reply;
  static const auto kText = std::make_shared<const std::string>(kOpenApi);
  reply.shared_body = kText;
  reply.headers.emplace_back("Cache-Control", "public, max-age=300");
  co_return reply;
}

}  // namespace qflow::api
