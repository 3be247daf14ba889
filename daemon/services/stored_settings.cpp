#include "daemon/services/stored_settings.hpp"

#include <fmt/format.h>

#include "daemon/base/members.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {
namespace {

constexpr const char* kName = "limits";

// Takes the members that are present; `problems` collects the invalid members.
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

json::object settings_document(const workers::Settings& settings) {
  json::array versions;
  for (const auto& [version, path] : settings.pythons) versions.push_back(json::value(version));
  return {{"python", {{"default_version", settings.default_python}, {"available_versions", std::move(versions)}}},
          {"containers",
           {{"max_memory", settings.limits.memory},
            {"max_cpu", settings.limits.cpu_millis / 1000.0},
            {"timeout", settings.node_seconds}}}};
}

workers::Settings with_stored_settings(sqlite::Db& db, const workers::Settings& configured) {
  const auto text = store::find_setting(db, kName);
  if (!text) return configured;
  Body problems{json::object()};
  const json::value stored = stored_json(*text);
  try {
    return changed(configured, configured, stored.as_object(), problems);
  } catch (const Fault&) {
    return configured;  // the configuration now allows less than what is stored
  }
}

Task<workers::Settings> change_settings(Services& services, const Actor& actor, const json::object& change) {
  Body problems{json::object()};
  workers::Settings next = changed(services.configured, *services.settings.get(), change, problems);
  problems.check();
  auto job = [text = json::serialize(settings_document(next))](sqlite::Tx& tx) { store::put_setting(tx, kName, text); };
  co_await services.store.write(std::move(job));
  services.settings.set(next);
  // Present zygotes and spares have the old limits.
  auto adopt = [&services, next]() -> Task<> {
    services.engine.pool().adopt(next);
    services.engine.kept_workers().clear();
    co_return;
  };
  co_await on_engine(services, std::move(adopt));
  audit(services, actor, "settings.changed", "limits", settings_document(next));
  co_return next;
}

}  // namespace qflow::services
