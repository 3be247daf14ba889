#include "daemon/cli/proof.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/workers/watch.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;

constexpr const char* kLine =
    "import os, platform\ndef line(): return f'{platform.python_version()}, as process {os.getpid()}'";

Task<> prove(engine::Engine& engine, const workers::Settings& settings, Proof& proof) {
  const auto started = Clock::now();
  try {
    json::object node{{"id", "line"}, {"name", "line"}, {"code", kLine}, {"python_version", proof.version}};
    engine::Order order;
    order.plan = flow::make_plan(flow::read_workflow({{"nodes", json::array{std::move(node)}}}), settings);
    auto running = engine.run(std::move(order), nullptr);
    const engine::Outcome outcome = co_await std::move(running);
    proof.runs = outcome.status == engine::Status::completed;
    if (proof.runs) {
      const std::string& shown = outcome.steps[0].result->preview;  // a JSON text
      proof.detail =
          fmt::format("ran a line in the sandbox: {}, after {}", shown, duration_text(milliseconds_since(started)));
    } else {
      proof.detail = outcome.error ? outcome.error->message : engine::word(outcome.status);
    }
  } catch (const std::exception& error) {
    proof.detail = error.what();
  }
}

Task<> prove_all(engine::Engine& engine, const workers::Settings& settings, std::vector<Proof>& proofs) {
  for (Proof& proof : proofs) co_await prove(engine, settings, proof);
}

}  // namespace

std::vector<Proof> prove_pythons(const workers::Settings& settings, int isolation_level) {
  std::vector<Proof> proofs;
  for (const auto& [version, path] : settings.pythons) proofs.push_back({version, path, false, ""});
  log::set_level(log::Level::error);
  workers::Settings lean = settings;
  lean.min_spares = 1;
  lean.max_spares = 1;
  lean.preload = false;
  asio::io_context io(1);
  workers::Pool pool(io.get_executor(), lean);
  engine::Engine engine(io.get_executor(), pool, nullptr, 1, isolation_level, "[]");
  asio::co_spawn(io, workers::watch(pool), asio::detached);
  asio::co_spawn(io, prove_all(engine, lean, proofs), [&io](std::exception_ptr) { io.stop(); });
  io.run();
  pool.shut_down();
  return proofs;
}

}  // namespace qflow::cli
