// What the API's handlers work on: one set of services beneath every dialect. Wired once by cli/serve.cpp and outlives
// the server. Handlers run on the io threads and hop to the engine's strand for what it owns.
#pragma once
#include <mutex>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/limits.hpp"
#include "daemon/config/config.hpp"
#include "daemon/engine/catalog_loader.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/http/message.hpp"
#include "daemon/observe/events.hpp"
#include "daemon/observe/metrics.hpp"
#include "daemon/store/store.hpp"
#include "sandbox/probe.hpp"

namespace qflow::api {
namespace json = boost::json;
using http::Reply;
using http::Request;

/// A value that is replaced as a whole while others read it. Any thread.
template <class T>
class Live {
 public:
  explicit Live(T value) : value_(std::make_shared<const T>(std::move(value))) {}
  /// Stays what it is for as long as it is held.
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // shared with those who read it now
};

class OpenSockets;

struct Services {
  store::Store& store;
  engine::Engine& engine;
  engine::Describer& describer;     ///< on the engine's strand
  engine::CatalogLoader& catalogs;  ///< on the engine's strand
  asio::any_io_executor engine_executor;
  const sandbox::HostReport& host;
  auth::Authenticator& authenticator;
  auth::RateLimiter& rates;
  auth::LoginThrottle& logins;
  observe::Events& events;
  observe::Metrics& metrics;
  Live<config::Config>& config;
  const workers::Settings& configured;  ///< the most that is allowed, from the configuration
  Live<workers::Settings>& settings;    ///< the installation's limits, as PATCH /settings has left them
  asio::thread_pool& slow;              ///< for the hashing of passwords
  asio::thread_pool& asking;            ///< for calls of other servers
  OpenSockets& sockets;
  auth::MasterKey::Key credential_key;
  std::string setup_token;  ///< makes the owner while there are no users
};

/// Runs `work()`, a coroutine, on the engine's strand and resumes here with its result.
template <class F>
auto on_engine(Services& services, F work) {
  return asio::co_spawn(services.engine_executor, std::move(work), asio::use_awaitable);
}

/// Runs `work()` on a thread of `pool`, where it may take long, and resumes here with its result.
template <class F>
auto on_pool(asio::thread_pool& pool, F work) {
  using R = std::invoke_result_t<F&>;
  return asio::co_spawn(
      pool, [job = std::move(work)]() mutable -> Task<R> { co_return job(); }, asio::use_awaitable);
}

/// The Authorization header's value, or what ?token= says in its place (a browser's WebSocket can send no header).
std::string bearer_of(const Request& request);

/// Notes in the audit log and the log what changed access or secrets, and who did.
void audit(Services& services, const Request& request, const std::string& action, const std::string& target,
           json::object details = {});

/// The 429 of a rate limit.
Fault rate_fault(const auth::RateLimiter::Verdict& verdict);

/// "Workflow" and an id: the 404 that says so.
Fault missing(const char* what, const std::string& id);

}  // namespace qflow::api
