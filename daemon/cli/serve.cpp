// `qflow serve`: a few io threads, the engine and its workers on a strand of them, the store's own threads. On a
// strand, because a request then reaches the engine and comes back without waking another thread.
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <fcntl.h>
#include <thread>

#include "daemon/api/api.hpp"
#include "daemon/auth/token.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/fault.hpp"
#include "daemon/http/server.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/workers/watch.hpp"

namespace qflow::cli {
namespace {

// One server for each data directory: two would take each other's executions for crashed after a restart.
sandbox::UniqueFd lock_directory(const std::string& directory) {
  sandbox::UniqueFd fd = sandbox::open_file(directory + "/serve.lock", O_RDWR | O_CREAT, 0600);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0)
    throw Fault(
        FaultKind::unavailable, "locked",
        fmt::format("another `qflow serve` uses the data directory {}; stop it, or name another with --data-dir",
                    directory));
  return fd;
}

// As many descriptors as the system lets us have; of these, connections get what executions leave.
unsigned connections_that_fit(unsigned wanted, unsigned places) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) < 0) return wanted;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  // A worker takes four; each place may hold one and each zygote its spares.
  const rlim_t reserved = 256 + 64 + 4 * (rlim_t{places} + 5 * 32);
  return files.rlim_cur <= reserved + 16 ? 16
                                         : static_cast<unsigned>(std::min<rlim_t>(wanted, files.rlim_cur - reserved));
}

Task<> warm_up(workers::Pool& pool, std::string python) {
  try {
    co_await pool.warm_up(python);
  } catch (const std::exception& error) {
    log::error("workers", error.what());
  }
}

class Daemon {
 public:
  Daemon(const Common& common, const ServeOptions& options)
      : options_(options),
        settings_(make_settings(common)),
        isolation_(require_isolation(settings_, common.min_isolation)),
        store_(common.data_dir),
        lock_(lock_directory(common.data_dir)),
        token_(common.data_dir),
        engine_strand_(asio::make_strand(io_)),
        pool_(engine_strand_, settings_),
        engine_(engine_strand_, pool_, &store_, places(options), isolation_.level(), isolation_.missing()),
        services_{store_, engine_, engine_strand_, settings_, isolation_.report} {}

  int serve() {
    recover();
    http::Limits limits;
    limits.body = options_.max_body_mib << 20U;
    limits.connections = connections_that_fit(limits.connections, places(options_));
    http::Server server(io_, limits, http::Router(api::routes(services_)),
                        [this](std::string_view header) { return token_.accepts(header); });
    const unsigned short port = server.listen(options_.listen);
    asio::co_spawn(engine_strand_, workers::watch(pool_), asio::detached);
    asio::co_spawn(engine_strand_, warm_up(pool_, settings_.default_python), asio::detached);
    announce(port);
    asio::signal_set signals(io_, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code error, int signal) {
      if (error) return;
      log::info("serve", "stopping", {{"signal", signal}, {"drain_seconds", options_.drain_seconds}});
      server.stop();
      // A second signal ends the waiting.
      signals.async_wait([](boost::system::error_code again, int) {
        if (!again) ::_exit(kInterrupted);
      });
      asio::co_spawn(engine_strand_, drain(), [this, &server](std::exception_ptr) { finish(server); });
    });
    // Zygotes end with the thread that started them (PR_SET_PDEATHSIG), so these threads live as long as the daemon.
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < kThreads; ++i) threads.emplace_back([this] { io_.run(); });
    io_.run();
    for (auto& thread : threads) thread.join();
    log::info("serve", "stopped");
    return kOk;
  }

 private:
  static unsigned places(const ServeOptions& options) {
    return options.max_running > 0 ? options.max_running : std::max(8U, 4 * std::thread::hardware_concurrency());
  }

  void recover() {
    // Before anybody is answered: what a killed daemon left running is told as what it is.
    asio::io_context io;
    auto job = [](sqlite::Tx& tx) { return store::mark_crashed(tx); };
    std::exception_ptr failed;
    asio::co_spawn(io, store_.write(std::move(job)), [&](std::exception_ptr error, std::int64_t count) {
      failed = error;
      if (count > 0)
        log::warning("serve", "executions of a run that ended without warning were marked as crashed",
                     {{"count", count}});
    });
    io.run();
    if (failed) std::rethrow_exception(failed);
  }

  void announce(unsigned short port) {
    const auto colon = options_.listen.rfind(':');
    const std::string host = colon == std::string::npos ? "127.0.0.1" : options_.listen.substr(0, colon);
    std::string pythons;
    for (const auto& [version, path] : settings_.pythons) pythons += (pythons.empty() ? "" : ", ") + version;
    fmt::print("qflow {} serves http://{}:{} · isolation level {} · Python {} · token {} (in {})\n", QFLOW_VERSION,
               host, port, isolation_.level(), pythons, token_.text(), token_.path());
    std::fflush(stdout);
    for (const auto& finding : isolation_.report.findings)
      if (!finding.available)
        log::warning("sandbox", finding.mechanism + " is missing: " + finding.detail, {{"remedy", finding.remedy}});
  }

  Task<> drain() {
    co_await engine_.drain(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.drain_seconds)));
    pool_.shut_down();
  }

  // Answers that waited for an execution are on their way: their connections close by themselves.
  void finish(http::Server& server) {
    asio::co_spawn(
        io_,
        [](http::Server& s) -> Task<> {
          for (int i = 0; i < 500 && s.open() > 0; ++i) co_await sleep_for(std::chrono::milliseconds(10));
        }(server),
        [this](std::exception_ptr) { io_.stop(); });
  }

  ServeOptions options_;
  workers::Settings settings_;
  Isolation isolation_;
  store::Store store_;
  sandbox::UniqueFd lock_;
  auth::Token token_;
  static constexpr unsigned kThreads = 2;
  asio::io_context io_{kThreads};
  asio::any_io_executor engine_strand_;
  workers::Pool pool_;
  engine::Engine engine_;
  api::Services services_;
};

}  // namespace

int serve(const Common& common, const ServeOptions& options) { return Daemon(common, options).serve(); }

}  // namespace qflow::cli
