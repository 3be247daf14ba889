// /settings: what an admin may change while the server runs. Kept in the database; never more than the configuration
// allows at most.
#include <fmt/format.h>

#include "daemon/api/body.hpp"
#include "daemon/api/handlers.hpp"
#include "daemon/api/runtime_settings.hpp"
#include "daemon/api/workflow_view.hpp"
#include "daemon/store/assets.hpp"

namespace qflow::api {
namespace {

constexpr const char* kName = "limits";

json::object view(const workers::Settings& settings) {
  json::array versions;
  for (const auto& [version, path] : settings.pythons) versions.push_back(json::value(version));
  return {{"python", {{"default_version", settings.default_python}, {"available_versions", std::move(versions)}}},
          {"containers",
           {{"max_memory", settings.limits.memory},
            {"max_cpu", settings.limits.cpu_millis / 1000.0},
            {"timeout", settings.node_seconds}}}};
}

// Takes the members that are there; `problems` names those that cannot be.
workers::Settings changed(const workers::Settings& configured, const workers::Settings& now, const json::object& change,
                          Body& problems) {
  workers::Settings out = now;
  const auto part = [&](const char* name) -> Body {
    const json::value* value = change.if_contains(name);
    if (value == nullptr || value->is_null()) return Body(json::object());
    if (!value->is_object()) problems.problem(std::string("/") + name, "expected an object");
    return Body(value->is_object() ? value->get_object() : json::object(), std::string("/") + name);
  };
  Body python = part("python");
  if (const auto version = python.text("default_version")) {
    if (configured.pythons.count(*version) == 0)
      problems.problem("/python/default_version", fmt::format("Python {} is not installed here", *version));
    else out.default_python = *version;
  }
  Body containers = part("containers");
  const auto most_memory = static_cast<double>(configured.limits.memory);
  if (const auto memory = containers.number("max_memory", 64 << 20, most_memory))
    out.limits.memory = static_cast<std::uint64_t>(*memory);
  if (const auto cpu = containers.number("max_cpu", 0.01, configured.limits.cpu_millis / 1000.0))
    out.limits.cpu_millis = static_cast<std::uint32_t>(*cpu * 1000 + 0.5);
  if (const auto timeout = containers.number("timeout", 0.001, configured.max_node_seconds))
    out.node_seconds = *timeout;
  python.check();
  containers.check();
  return out;
}

}  // namespace

workers::Settings with_stored_settings(sqlite::Db& db, const workers::Settings& configured) {
  const auto text = store::find_setting(db, kName);
  if (!text) return configured;
  Body problems{json::object()};
  const json::value stored = stored_json(*text);
  try {
    return changed(configured, configured, stored.as_object(), problems);
  } catch (const Fault&) {
    return configured;  // the configuration allows less than it did
  }
}

Task<Reply> get_settings(Services& services, const Request&) { co_return Reply::of(view(*services.settings.get())); }

Task<Reply> update_settings(Services& services, const Request& request) {
  const json::object change = request.json_object();
  Body problems{json::object()};
  const workers::Settings next = changed(services.configured, *services.settings.get(), change, problems);
  problems.check();
  const json::object whole = view(next);
  auto job = [text = json::serialize(whole)](sqlite::Tx& tx) { store::put_setting(tx, kName, text); };
  co_await services.store.write(std::move(job));
  services.settings.set(next);
  // Zygotes and spares of before have the old limits; the next executions get new ones.
  auto adopt = [&services, next]() -> Task<> {
    services.engine.pool().adopt(next);
    co_return;
  };
  co_await on_engine(services, std::move(adopt));
  audit(services, request, "settings.changed", "limits", whole);
  co_return Reply::of(whole);
}

}  // namespace qflow::api
