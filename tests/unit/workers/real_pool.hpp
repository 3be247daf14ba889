// A pool of real, sandboxed workers of this build, without a server.
#pragma once
#include "daemon/cli/runtime.hpp"
#include "daemon/workers/pool.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/waiting.hpp"

namespace qflow::test {

struct RealPool {
  RealPool()
      : settings(make_settings()), isolation(cli::require_isolation(settings, 2)), pool(io.get_executor(), settings) {}
  ~RealPool() { pool.shut_down(); }

  workers::Lease take() {
    const std::vector<std::string> none;
    return wait(io, pool.acquire(settings.default_python, "", none, sandbox()));
  }
  workers::Sandbox sandbox() const { return {settings.limits, sandbox::Network::none, false}; }
  /// Lets what is due run.
  void poll() {
    io.restart();
    io.poll();
  }

  asio::io_context io;
  workers::Settings settings;
  cli::Isolation isolation;
  workers::Pool pool;

 private:
  static workers::Settings make_settings() {
    config::Config config;
    config.python.pyhost_dir = QFLOW_BIN_DIR;
    workers::Settings made = cli::make_settings(config);
    made.min_spares = 1;
    made.max_spares = 2;
    made.preload = false;
    return made;
  }
};

}  // namespace qflow::test
