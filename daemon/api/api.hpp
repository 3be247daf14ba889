// The documented HTTP API: one file for each resource, each handler in four steps: decode, authorise (the table has
// done it), call the service, reply. Handlers run on the io threads and hop to the engine's thread for what it owns.
#pragma once
#include <string>

#include "daemon/engine/engine.hpp"
#include "daemon/http/router.hpp"
#include "daemon/store/store.hpp"
#include "sandbox/probe.hpp"

namespace qflow::api {
namespace json = boost::json;

/// What the handlers work on. Outlives the server.
struct Services {
  store::Store& store;
  engine::Engine& engine;
  asio::any_io_executor engine_executor;
  const workers::Settings& settings;
  const sandbox::HostReport& host;
};

/// Runs `work()`, a coroutine, on the engine's thread and resumes here with its result.
template <class F>
auto on_engine(Services& services, F work) {
  return asio::co_spawn(services.engine_executor, std::move(work), asio::use_awaitable);
}

/// All routes with who may call them.
std::vector<http::Route> routes(Services& services);

// One function for each resource's file.
void add_workflow_routes(std::vector<http::Route>& table, Services& services);
void add_execution_routes(std::vector<http::Route>& table, Services& services);
void add_node_routes(std::vector<http::Route>& table, Services& services);
void add_health_routes(std::vector<http::Route>& table, Services& services);

}  // namespace qflow::api
