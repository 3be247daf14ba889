// Everything that the functions of this folder, and the handlers above it, work on: one set beneath every HTTP dialect.
// Wired once by cli/serve_command.cpp and outlives the server. Callers run on the io threads and hop to the engine
// strand for what it owns.
#pragma once
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/login_throttle.hpp"
#include "daemon/auth/rate_limiter.hpp"
#include "daemon/base/byte_budget.hpp"
#include "daemon/base/live.hpp"
#include "daemon/check/catalog_loader.hpp"
#include "daemon/config/config.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/observe/events.hpp"
#include "daemon/observe/metrics.hpp"
#include "daemon/store/store.hpp"
#include "sandbox/probe.hpp"

namespace qflow::services {
namespace json = boost::json;

class EnvironmentMeter;

struct Services {
  store::Store& store;
  engine::Engine& engine;
  check::Describer& describer;     ///< on the engine's strand
  check::CatalogLoader& catalogs;  ///< on the engine's strand
  asio::any_io_executor engine_executor;
  const sandbox::HostReport& host;
  auth::Authenticator& authenticator;
  auth::RateLimiter& rates;
  auth::LoginThrottle& logins;
  observe::Events& events;
  observe::Metrics& metrics;
  Live<config::Config>& config;
  const workers::Settings& configured;  ///< the maximum, from the configuration
  Live<workers::Settings>& settings;    ///< the installation's limits, as last set by PATCH /settings
  asio::thread_pool& slow;              ///< for hashing passwords
  asio::thread_pool& asking;            ///< for calls to other servers
  EnvironmentMeter& environments;
  ByteBudget& replies;  ///< memory for large replies, until they are sent
  ByteBudget& waiting;  ///< memory for executions of large workflows, until they begin
  auth::MasterKey::Key credential_key;
  std::string setup_token;  ///< allows creating the owner while there are no users
};

/// Runs `work()`, a coroutine, on the engine strand and resumes here with its result.
template <class F>
auto on_engine(Services& services, F work) {
  return asio::co_spawn(services.engine_executor, std::move(work), asio::use_awaitable);
}

/// Runs `work()` on a thread of `pool`, where it may take a long time, and resumes here with its result.
template <class F>
auto on_pool(asio::thread_pool& pool, F work) {
  using R = std::invoke_result_t<F&>;
  return asio::co_spawn(
      pool, [job = std::move(work)]() mutable -> Task<R> { co_return job(); }, asio::use_awaitable);
}

}  // namespace qflow::services
