// `qflow serve`: a few io threads, the engine and its workers on a strand of these threads, the store's own threads. A
// strand, because a request then reaches the engine and returns without waking another thread.
#include "daemon/cli/serve_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <ctime>
#include <filesystem>
#include <thread>

#include "daemon/api/known_queries.hpp"
#include "daemon/api/table.hpp"
#include "daemon/base/address.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/processors.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/cli/systemd.hpp"
#include "daemon/gate/gate.hpp"
#include "daemon/http/server.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/announcer.hpp"
#include "daemon/services/environments.hpp"
#include "daemon/services/resuming.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/stored_settings.hpp"
#include "daemon/services/upkeep.hpp"
#include "daemon/services/waiting.hpp"
#include "daemon/store/usage_rows.hpp"
#include "daemon/workers/watch.hpp"

namespace qflow::cli {
namespace {

// One server per data directory: after a restart, each of two would mark the other's executions as crashed.
sandbox::UniqueFd lock_directory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) ::chmod(directory.c_str(), 0700);
  sandbox::UniqueFd fd = sandbox::open_file(directory + "/serve.lock", O_RDWR | O_CREAT, 0600);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0)
    throw Fault(
        FaultKind::unavailable, "locked",
        fmt::format("another `qflow serve` uses the data directory {}; stop it, or choose another with --data-dir",
                    directory));
  return fd;
}

// Raises the descriptor limit as far as the system allows; connections get the descriptors that executions leave.
unsigned connections_that_fit(unsigned wanted, unsigned places) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) < 0) return wanted;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  // A worker takes four descriptors; each place may hold a worker, and each zygote its spares.
  const rlim_t reserved = 256 + 64 + 4 * (rlim_t{places} + 5 * 32);
  return files.rlim_cur <= reserved + 16 ? 16
                                         : static_cast<unsigned>(std::min<rlim_t>(wanted, files.rlim_cur - reserved));
}

unsigned places(const config::Config& config) {
  return config.engine.max_running > 0 ? static_cast<unsigned>(config.engine.max_running)
                                       : std::max(8U, 4 * processors());
}

std::vector<std::string> operations() {
  std::vector<std::string> names;
  for (const gate::Route& route : api::routes()) names.emplace_back(route.operation);
  return names;
}

Task<> warm_up(workers::Pool& pool, std::string python, std::string environment) {
  try {
    co_await pool.warm_up(python, environment);
  } catch (const std::exception& error) {
    log::error("workers", error.what());
  }
}

auth::RateLimits rates_of(const config::AuthSection& auth) {
  if (!auth.rate_limits) return {0, 0, 0, 0};
  return {auth.requests_per_hour, auth.executions_per_hour, auth.containers_per_hour, auth.webhooks_per_hour};
}

// Runs `task` to its end before anything is served; the store's own threads do the work.
template <class T>
T now(Task<T> task) {
  asio::io_context io;
  std::optional<T> result;
  std::exception_ptr failed;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    failed = error;
    result = std::move(value);
  });
  io.run();
  if (failed) std::rethrow_exception(failed);
  return std::move(*result);
}

class Daemon {
 public:
  Daemon(const config::Config& config, std::function<config::Config()> reload)
      : reload_(std::move(reload)),
        config_(config),
        configured_(make_settings(config)),
        isolation_(require_isolation(configured_, static_cast<int>(config.sandbox.min_isolation))),
        lock_(lock_directory(config.data_dir)),
        store_(config.data_dir),
        key_(config.auth.key_file.empty() ? config.data_dir + "/secret.key" : config.auth.key_file),
        settings_(now(stored_settings())),
        authenticator_(store_, key_),
        metrics_(operations()),
        engine_strand_(asio::make_strand(io_)),
        pool_(engine_strand_, *settings_.get()),
        engine_(engine_strand_, pool_, &store_, places(config), isolation_.level(), isolation_.missing()),
        describer_(engine_strand_, pool_, &store_),
        catalogs_(store_, describer_),
        announcer_(events_, metrics_),
        services_{store_,
                  engine_,
                  describer_,
                  catalogs_,
                  engine_strand_,
                  isolation_.report,
                  authenticator_,
                  rates_,
                  logins_,
                  events_,
                  metrics_,
                  config_,
                  configured_,
                  settings_,
                  slow_,
                  asking_,
                  environments_,
                  replies_,
                  waiting_,
                  key_.derive("credents"),
                  ""},
        gate_(services_, api::routes(), api::check_query) {
    engine_.set_listener(&announcer_);
    engine_.keep_workers(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(60 * config.engine.keep_minutes)),
        config.engine.keep_mib << 20U);
    store_.on_commit([this](std::size_t jobs) { metrics_.commit_group(jobs); });
    rates_.set(rates_of(config.auth));
    log::set_level(log::level_of(config.log.level));
  }

  int serve() {
    recover();
    const auto config = config_.get();
    http::TransportLimits limits;
    limits.connections = connections_that_fit(static_cast<unsigned>(config->server.max_connections), places(*config));
    limits.sockets = static_cast<unsigned>(config->server.max_sockets);
    http::Server server(io_, limits, gate_);
    const unsigned short port = server.listen(config->server.listen);
    asio::co_spawn(engine_strand_, workers::watch(pool_), asio::detached);
    asio::co_spawn(engine_strand_,
                   warm_up(pool_, settings_.get()->default_python,
                           settings_.get()->base_environment(settings_.get()->default_python)),
                   asio::detached);
    asio::co_spawn(asio::make_strand(io_), services::keep_tidy(services_), asio::detached);
    asio::co_spawn(asio::make_strand(io_), start_environments(), asio::detached);
    asio::co_spawn(asio::make_strand(io_), services::resume_queued(services_, std::move(queued_)), asio::detached);
    asio::co_spawn(asio::make_strand(io_), services::wake_when_due(services_), asio::detached);
    asio::co_spawn(asio::make_strand(io_), gate_.watch_access(), asio::detached);
    announce(port);
    asio::signal_set signals(io_, SIGTERM, SIGINT);
    asio::signal_set hangups(io_, SIGHUP);
    await_reload(hangups);
    signals.async_wait([&](boost::system::error_code error, int signal) {
      if (error) return;
      const double drain_seconds = config_.get()->server.drain_seconds;
      log::info("serve", "stopping", {{"signal", signal}, {"drain_seconds", drain_seconds}});
      notify_service("STOPPING=1");
      server.stop();
      // A second signal ends the wait.
      signals.async_wait([](boost::system::error_code again, int) {
        if (!again) ::_exit(kInterrupted);
      });
      asio::co_spawn(engine_strand_, drain(drain_seconds), [this, &server](std::exception_ptr) { finish(server); });
    });
    notify_service("READY=1\nSTATUS=serving");
    if (const auto interval = watchdog_interval(); interval.count() > 0)
      asio::co_spawn(engine_strand_, feed_watchdog(interval), asio::detached);
    // Zygotes end with the thread that started them (PR_SET_PDEATHSIG), so these threads live as long as the daemon.
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < kThreads; ++i) threads.emplace_back([this] { io_.run(); });
    io_.run();
    for (auto& thread : threads) thread.join();
    slow_.join();
    asking_.join();
    store_.close();  // while everything that its jobs refer to still exists
    log::info("serve", "stopped");
    return kOk;
  }

 private:
  Task<workers::Settings> stored_settings() {
    auto job = [this](sqlite::Db& db) { return services::with_stored_settings(db, configured_); };
    workers::Settings settings = co_await store_.read(std::move(job));
    co_return settings;
  }

  // What a process left that is gone: executions that it was running, and those that it had queued.
  struct Left {
    std::size_t crashed = 0;
    std::vector<std::string> queued;
  };
  Task<Left> take_over() {
    auto job = [](sqlite::Tx& tx) {
      Left left;
      left.crashed = store::mark_crashed(tx, services::goes_on_after_crash).size();
      left.queued = store::claim_queued(tx, store::this_process());
      return left;
    };
    Left left = co_await store_.write_always(std::move(job));
    co_return left;
  }

  Task<bool> has_users() {
    auto job = [](sqlite::Db& db) { return store::count_users(db) > 0; };
    const bool any = co_await store_.read(std::move(job));
    co_return any;
  }

  // Before anything is served.
  void recover() {
    Left left = now(take_over());
    if (left.crashed > 0)
      log::warning("serve", "executions left by a dead process were marked as crashed", {{"count", left.crashed}});
    if (!left.queued.empty())
      log::info("serve", "queued executions of an earlier process start again", {{"count", left.queued.size()}});
    queued_ = std::move(left.queued);
    if (!now(has_users())) services_.setup_token = auth::random_token();
  }

  void announce(unsigned short port) {
    const std::string host = split_address(config_.get()->server.listen).first;
    std::string pythons;
    for (const auto& [version, path] : configured_.pythons) pythons += (pythons.empty() ? "" : ", ") + version;
    fmt::print("qflow {} serves http://{}:{} · isolation level {} · Python {}\n", QFLOW_VERSION,
               host.find(':') == std::string::npos ? host : "[" + host + "]", port, isolation_.level(), pythons);
    if (!services_.setup_token.empty())
      fmt::print(
          "There are no users yet. Create the owner with `qflow user add`, or with POST /users and this set-up token, "
          "which works once: {}\n",
          services_.setup_token);
    std::fflush(stdout);
    log::info("serve", "serving", {{"host", host}, {"port", port}, {"version", QFLOW_VERSION}});
    for (const auto& finding : isolation_.report.findings)
      if (!finding.available)
        log::warning("sandbox", finding.mechanism + " is missing: " + finding.detail, {{"remedy", finding.remedy}});
  }

  // Starts the environments that existed before the restart.
  Task<> start_environments() {
    try {
      auto job = [](sqlite::Db& db) { return store::list_containers(db, std::nullopt); };
      const auto rows = co_await store_.read(std::move(job));
      for (const auto& row : rows) co_await services::start_environment(services_, row);
    } catch (const std::exception& error) {
      log::error("environments", error.what());
    }
  }

  // sd_notify(3): RELOADING=1 with the time the reload began, then READY=1.
  void await_reload(asio::signal_set& hangups) {
    hangups.async_wait([this, &hangups](boost::system::error_code error, int) {
      if (error) return;
      timespec time{};
      ::clock_gettime(CLOCK_MONOTONIC, &time);
      notify_service(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", time.tv_sec * 1'000'000LL + time.tv_nsec / 1000));
      try {
        const config::Config wanted = reload_();
        for (const std::string& key : config::needs_restart(*config_.get(), wanted))
          log::warning("config", key + " has changed and takes effect after a restart", {{"setting", key}});
        config::Config next = *config_.get();
        config::take_reloadable(wanted, next);
        rates_.set(rates_of(next.auth));
        log::set_level(log::level_of(next.log.level));
        config_.set(std::move(next));
        log::info("config", "the configuration was reloaded");
      } catch (const std::exception& problem) {
        log::error("config", std::string("the configuration is unchanged: ") + problem.what());
      }
      notify_service("READY=1");
      await_reload(hangups);
    });
  }

  // Notifies from the engine strand, after a read from the store: if either hangs, systemd restarts the daemon.
  Task<> feed_watchdog(std::chrono::microseconds interval) {
    for (;;) {
      auto job = [](sqlite::Db& db) { store::ping(db); };
      try {
        co_await store_.read(std::move(job));
        notify_service("WATCHDOG=1");
      } catch (const std::exception& error) {
        log::error("store", error.what());
      }
      co_await sleep_for(interval);
    }
  }

  Task<> drain(double seconds) {
    co_await engine_.drain(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
    pool_.shut_down();
  }

  // Replies that waited for an execution are being sent; their connections then close by themselves.
  void finish(http::Server& server) {
    asio::co_spawn(
        io_,
        [](http::Server& s) -> Task<> {
          for (int i = 0; i < 500 && s.open() > 0; ++i) co_await sleep_for(std::chrono::milliseconds(10));
        }(server),
        [this](std::exception_ptr) { io_.stop(); });
  }

  static constexpr unsigned kThreads = 2;
  std::function<config::Config()> reload_;
  std::vector<std::string> queued_;  ///< ids of executions to start again
  Live<config::Config> config_;
  workers::Settings configured_;
  Isolation isolation_;
  sandbox::UniqueFd lock_;  // taken before the database is opened and migrated
  store::Store store_;
  auth::MasterKey key_;
  Live<workers::Settings> settings_;
  auth::Authenticator authenticator_;
  auth::RateLimiter rates_;
  auth::LoginThrottle logins_;
  observe::Events events_;
  services::EnvironmentMeter environments_;
  ByteBudget replies_{512ULL << 20U, 128ULL << 20U}, waiting_{512ULL << 20U, 128ULL << 20U};
  observe::Metrics metrics_;
  asio::thread_pool slow_{2}, asking_{2};
  asio::io_context io_{kThreads};
  asio::any_io_executor engine_strand_;
  workers::Pool pool_;
  engine::Engine engine_;
  check::Describer describer_;
  check::CatalogLoader catalogs_;
  services::Announcer announcer_;
  services::Services services_;
  gate::Gate gate_;
};

}  // namespace

int serve(const config::Config& config, std::function<config::Config()> reload) {
  // Keys are in this process's memory: no core file (a watchdog's abort would write one), and no debugger of its
  // user's. The second only once the host has been probed: the probe forks, and a process that is not dumpable may not
  // write its own uid_map (proc(5): /proc/PID is then root's). A pyhost is dumpable again by its exec.
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  Daemon daemon(config, std::move(reload));
  ::prctl(PR_SET_DUMPABLE, 0);
  return daemon.serve();
}

}  // namespace qflow::cli
