#include "daemon/api/installation/health.hpp"

#include "daemon/api/openapi.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/health_checks.hpp"

namespace qflow::api {
namespace {

json::object view(const services::DatabaseHealth& health) {
  json::object out{{"status", health.problem.empty() ? "healthy" : "unhealthy"}, {"backend", "sqlite"}};
  if (health.problem.empty()) out["response_ms"] = health.response_ms;
  else out["error"] = health.problem;
  return out;
}

// There is no Redis: this process holds that data itself.
json::object redis_check() { return {{"status", "healthy"}, {"backend", "in-process"}}; }

json::object view(const services::SandboxHealth& health) {
  json::array missing;
  for (const auto& finding : health.missing)
    missing.push_back(
        json::object{{"mechanism", finding.mechanism}, {"detail", finding.detail}, {"remedy", finding.remedy}});
  return {{"status", health.healthy() ? "healthy" : "degraded"},
          {"backend", "qflow sandbox"},
          {"isolation_level", health.level},
          {"missing", std::move(missing)}};
}

json::object view(const services::PythonHealth& health) {
  json::array environments;
  for (const auto& state : health.environments)
    environments.push_back(json::object{{"python", state.python},
                                        {"name", state.name.empty() ? json::value(nullptr) : json::value(state.name)},
                                        {"ready", state.ready},
                                        {"zygotes", state.zygotes},
                                        {"spares", state.spares}});
  return {{"status", health.ready() ? "healthy" : "degraded"},
          {"environments", std::move(environments)},
          {"running", health.running},
          {"waiting", health.waiting},
          {"spare_hits", health.spare_hits},
          {"spare_misses", health.spare_misses},
          {"zygotes_lost", health.zygotes_lost},
          {"available_versions", json::value_from(health.versions)}};
}

json::object view(const services::WorkflowHealth& health) {
  return {{"status", health.healthy() ? "healthy" : "degraded"},
          {"success_rate", health.success_rate},
          {"executions_last_hour", health.ended}};
}

const char* word(services::Health health) {
  return health == services::Health::healthy    ? "healthy"
         : health == services::Health::degraded ? "degraded"
                                                : "unhealthy";
}

}  // namespace

Task<Reply> health(Services& services, const Request&) {
  const services::DatabaseHealth database = co_await services::database_health(services);
  const services::PythonHealth pythons = co_await services::python_health(services);
  const services::Health all = services::overall(database, pythons);
  json::object checks{{"database", view(database)},
                      {"redis", redis_check()},
                      {"docker", view(services::sandbox_health(services))},
                      {"python_environments", view(pythons)}};
  co_return Reply::of(all == services::Health::unhealthy ? 503 : 200, json::object{{"status", word(all)},
                                                                                   {"timestamp", iso_time(now_us())},
                                                                                   {"version", QFLOW_VERSION},
                                                                                   {"checks", std::move(checks)}});
}

Task<Reply> health_check(Services& services, const Request& request) {
  const std::string& name = request.parameter("check");
  json::object out;
  if (name == "database") {
    const services::DatabaseHealth database = co_await services::database_health(services);
    out = view(database);
  } else if (name == "redis") {
    out = redis_check();
  } else if (name == "containers" || name == "docker") {
    out = view(services::sandbox_health(services));
  } else if (name == "python") {
    const services::PythonHealth pythons = co_await services::python_health(services);
    out = view(pythons);
  } else if (name == "workflows") {
    const services::WorkflowHealth workflows = co_await services::workflow_health(services);
    out = view(workflows);
  } else {
    throw missing("health check", name + "; the checks are database, redis, containers, python and workflows");
  }
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
