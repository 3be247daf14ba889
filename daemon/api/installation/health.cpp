#include "daemon/api/installation/health.hpp"

#include "daemon/api/openapi.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/health_checks.hpp"

namespace qflow::api {
namespace {

Task<json::object> database_check(Services& services) {
  const services::DatabaseHealth health = co_await services::database_health(services);
  json::object out{{"status", health.problem.empty() ? "healthy" : "unhealthy"}, {"backend", "sqlite"}};
  if (health.problem.empty()) out["response_ms"] = health.response_ms;
  else out["error"] = health.problem;
  co_return out;
}

// There is no Redis: this process holds that data itself.
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
  const services::PythonHealth health = co_await services::python_health(services);
  json::array environments;
  for (const auto& state : health.environments)
    environments.push_back(json::object{
        {"python", state.python}, {"ready", state.ready}, {"zygotes", state.zygotes}, {"spares", state.spares}});
  co_return json::object{{"status", health.ready() ? "healthy" : "degraded"},
                         {"environments", std::move(environments)},
                         {"running", health.running},
                         {"waiting", health.waiting},
                         {"spare_hits", health.spare_hits},
                         {"spare_misses", health.spare_misses},
                         {"zygotes_lost", health.zygotes_lost},
                         {"available_versions", json::value_from(health.versions)}};
}

Task<json::object> workflow_check(Services& services) {
  const services::WorkflowHealth health = co_await services::workflow_health(services);
  co_return json::object{{"status", health.healthy() ? "healthy" : "degraded"},
                         {"success_rate", health.success_rate},
                         {"executions_last_hour", health.ended}};
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
  else throw missing("health check", name + "; the checks are database, redis, containers, python and workflows");
  out["timestamp"] = iso_time(now_us());
  co_return Reply::of(out.at("status") == "unhealthy" ? 503 : 200, out);
}

Task<Reply> metrics(Services& services, const Request& request) {
  const observe::Metrics::Now now = co_await services::gauges(services);
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = services.metrics.text(now, request.caller->sees_all());
  co_return reply;
}

Task<Reply> openapi(Services&, const Request&) {
  Reply reply;
  static const auto kText = std::make_shared<const std::string>(openapi_json());
  reply.shared_body = kText;
  reply.headers.emplace_back("Cache-Control", "public, max-age=300");
  co_return reply;
}

}  // namespace qflow::api
