// /health: open to everybody, so it tells nothing that is a secret.
#include "daemon/api/api.hpp"
#include "daemon/observe/time.hpp"

namespace qflow::api {
namespace {

using http::Reply;
using http::Request;

Task<json::object> pool_view(Services& services) {
  json::array environments;
  bool any = false;
  for (const auto& state : services.engine.pool().states()) {
    any = any || state.ready;
    environments.push_back(json::object{
        {"python", state.python}, {"ready", state.ready}, {"zygotes", state.zygotes}, {"spares", state.spares}});
  }
  const auto& counts = services.engine.pool().counts();
  co_return json::object{{"status", any ? "healthy" : "degraded"}, {"environments", std::move(environments)},
                         {"running", services.engine.running()},   {"spare_hits", counts.spare_hits},
                         {"spare_misses", counts.spare_misses},    {"zygotes_lost", counts.zygotes_lost}};
}

Task<Reply> health(Services& services, const Request&) {
  json::object database{{"status", "healthy"}, {"backend", "sqlite"}};
  bool database_ok = true;
  try {
    auto job = [](sqlite::Db& db) {
      return db.one<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM workflows LIMIT 1)").value_or(0);
    };
    co_await services.store.read(std::move(job));
  } catch (const std::exception& error) {
    database_ok = false;
    database = {{"status", "unhealthy"}, {"error", error.what()}};
  }
  auto look = [&services] { return pool_view(services); };
  const json::object pythons = co_await on_engine(services, std::move(look));
  json::array available;
  for (const auto& [version, path] : services.settings.pythons) available.push_back(json::value(version));
  json::array missing;
  for (const auto& finding : services.host.findings)
    if (!finding.available)
      missing.push_back(
          json::object{{"mechanism", finding.mechanism}, {"detail", finding.detail}, {"remedy", finding.remedy}});
  const bool workers_ok = pythons.at("status") == "healthy";
  json::object checks{{"database", database},
                      {"redis", {{"status", "healthy"}, {"backend", "in-process"}}},
                      {"docker",
                       {{"status", services.engine.isolation_level() >= 2 ? "healthy" : "degraded"},
                        {"backend", "qflow sandbox"},
                        {"isolation_level", services.engine.isolation_level()},
                        {"missing", std::move(missing)}}},
                      {"python_environments", pythons}};
  checks["python_environments"].get_object()["available_versions"] = std::move(available);
  const char* status = !database_ok ? "unhealthy" : workers_ok ? "healthy" : "degraded";
  co_return Reply::of(database_ok ? 200 : 503, json::object{{"status", status},
                                                            {"timestamp", iso_time(now_us())},
                                                            {"version", QFLOW_VERSION},
                                                            {"checks", std::move(checks)}});
}

}  // namespace

void add_health_routes(std::vector<http::Route>& table, Services& services) {
  table.push_back(
      {"GET", "/health", http::Access::open, "health", [&services](const Request& r) { return health(services, r); }});
}

}  // namespace qflow::api
