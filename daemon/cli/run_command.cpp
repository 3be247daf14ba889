// `qflow run`: the same engine, sandbox and record as the server's, in one process.
#include "daemon/cli/run_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>
#include <algorithm>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/text.hpp"
#include "daemon/check/catalog_loader.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/cli/nested_runs.hpp"
#include "daemon/cli/run_changes.hpp"
#include "daemon/cli/run_input.hpp"
#include "daemon/cli/run_part.hpp"
#include "daemon/cli/run_report.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/cli/shown_files.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/engine/kept_files.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/report.hpp"
#include "daemon/workers/watch.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct Interrupts {
  int count = 0;
};

// The first Ctrl-C cancels and records the execution; the second exits at once.
Task<> watch_interrupts(engine::Engine& engine, std::string id, Interrupts& interrupts) {
  boost::asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  for (;;) {
    co_await signals.async_wait(asio::use_awaitable);
    if (++interrupts.count > 1) ::_exit(kInterrupted);
    engine.cancel(id);
  }
}

struct Finished {
  engine::Outcome outcome;
  std::vector<store::File> files;
  std::vector<ShownFile> shown;
  std::string page;  ///< the report, if it is wanted
};

// Shows what the nodes print while they run.
class Watcher : public engine::Listener {
 public:
  Watcher(Progress& progress, std::string id) : progress_(progress), id_(std::move(id)) {}
  void on_wait(const engine::Order&, std::size_t, std::size_t) override {}
  void on_start(const engine::Order&) override {}
  void on_step(const engine::Order&, std::size_t, const engine::StepRun&) override {}
  bool wants_output() const override { return true; }
  void on_output(const engine::Order& order, std::size_t step, bool, std::string_view text) override {
    if (order.execution_id == id_) progress_.on_output(step, text);
  }
  void on_keep(std::size_t, double) override {}
  void on_note(const engine::Order& order, std::size_t step, const schema::Note& note) override {
    if (order.execution_id == id_) progress_.on_note(step, note);
  }
  void on_suspend(const engine::Order&, const engine::Outcome&) override {}
  void on_end(const engine::Order&, const engine::Outcome&) override {}

 private:
  Progress& progress_;
  std::string id_;  ///< of the execution; those of other flows are not shown
};

constexpr std::int64_t kMostRecord = 64 << 20;  // bytes of values and texts

std::string page_of(store::Store& store, sqlite::Db& db, const std::string& id) {
  const auto record = services::read_record(db, id, kMostRecord);
  if (!record) return {};
  const services::FileReader read = [&store](const store::File& file) { return services::whole_output(store, file); };
  const auto document = store::find_document(db, record->execution.document_hash.value_or(""));
  return services::report_html(*record, document.value_or(""), read);
}

Task<Finished> run_one(engine::Engine& engine, store::Store& store, engine::Order& order, Progress& progress,
                       std::shared_ptr<const workers::Settings> settings, bool with_page, std::string path) {
  const auto kept = settings;
  check::Describer describer(co_await asio::this_coro::executor, engine.pool(), &store);
  check::CatalogLoader catalogs(store, describer);
  auto loading = catalogs.load(std::nullopt, std::move(settings));
  order.catalog = co_await std::move(loading);
  if (path != "-") order.state_of = "file:" + path;
  let_run_files(order, {engine, *kept, order.catalog, {std::move(path)}});
  co_await engine.recorder().start(order);
  engine::StepObserver observe = [&progress](std::size_t step, const engine::StepRun& run) {
    progress.on_step(step, run);
  };
  engine::Order copy = order;
  auto running = engine.run(std::move(copy), std::move(observe));
  Finished finished;
  finished.outcome = co_await std::move(running);
  co_await engine.settle_cache();
  auto read = [id = order.execution_id](sqlite::Db& db) { return store::files_of(db, id); };
  finished.files = co_await store.read(std::move(read));
  const auto& steps = finished.outcome.steps;
  if (std::any_of(steps.begin(), steps.end(), [](const engine::StepRun& run) { return !run.told.display.empty(); })) {
    auto look = [id = order.execution_id](sqlite::Db& db) { return shown_files(store::nodes_of(db, id, kMostRecord)); };
    finished.shown = co_await store.read(std::move(look));
  }
  if (with_page) {
    auto make = [&store, id = order.execution_id](sqlite::Db& db) { return page_of(store, db, id); };
    finished.page = co_await store.read(std::move(make));
  }
  co_return finished;
}

}  // namespace

namespace {

struct Ended {
  int status = kOk;
  bool interrupted = false;
  json::object report;  ///< empty: the run did not begin
};

// Runs of one flow, one after the other. What the host gives is found out once.
class Runner {
 public:
  Runner(const config::Config& config, const RunOptions& options) : config_(config), options_(options) {}
  // Throws Fault where the run cannot begin. `watched` learns of the files that it reads.
  Ended run_once(WatchedFiles* watched);

 private:
  const config::Config& config_;
  const RunOptions& options_;
  std::optional<workers::Settings> settings_;
  std::optional<Isolation> isolation_;
};

Ended Runner::run_once(WatchedFiles* watched) {
  const RunOptions& options = options_;
  const LocalFlow local = read_flow(options.flow, watched);
  refuse_misspelt(local);
  flow::Graph graph = flow::read_workflow(local.document);
  if (graph.name.empty()) graph.name = local.name;
  if (options.python) {
    graph.python_version = *options.python;
    for (auto& node : graph.nodes) node.python_version.reset();
  }
  RunInput given = read_input(options.inputs, options.input_file, watched);
  if (!settings_) {
    settings_ = make_settings(config_);
    settings_->min_spares = 1;  // there is one execution to serve
    settings_->max_spares = 1;
    settings_->preload = false;
  }
  workers::Settings& settings = *settings_;
  // Before the store has threads: the host is probed by forks, which would inherit their locks.
  if (!isolation_) isolation_ = require_isolation(settings, static_cast<int>(config_.sandbox.min_isolation));
  const Isolation& isolation = *isolation_;
  engine::Order order;
  std::optional<store::Store> store;
  if (options.reuse) store.emplace(config_.data_dir);
  const services::PartialRun part = read_part(options, local.document, graph.name, store ? &*store : nullptr);
  if (options.from && std::none_of(graph.nodes.begin(), graph.nodes.end(), [&](const flow::Node& one) {
        return one.name == *options.from || one.id == *options.from;
      }))
    throw Fault(FaultKind::bad_input, "missing_node", fmt::format("--from: no node is named \"{}\"", *options.from));
  services::plan_part(graph, settings, part, order);
  order.input = std::move(given.value);
  order.input_rules = given.rules;
  order.given = std::move(given.given);
  order.execution_id = new_id();
  order.workflow_name = graph.name;
  order.mode = "cli";
  order.fresh = options.no_cache;
  order.document = json::serialize(local.document);
  const flow::Plan plan = order.plan;
  if (settings.venv && plan.environment.empty() && !options.quiet)
    fmt::print(stderr, "this flow runs on Python {}, without the packages of {}, which are for Python {}\n",
               plan.python, printable(settings.venvs[*settings.venv].path), settings.venvs[*settings.venv].python);
  log::set_level(log::Level::warning);

  if (!store) store.emplace(config_.data_dir);
  asio::io_context io(1);
  workers::Pool pool(io.get_executor(), settings);
  engine::Engine engine(io.get_executor(), pool, &*store, 1, isolation.level(), isolation.missing());
  engine.recorder().set_patience(std::chrono::seconds(10));
  Progress progress(plan, Progress::style_for(plan, options.quiet || options.json));
  Watcher told(progress, order.execution_id);
  if (progress.style() != Progress::Style::none) engine.set_listener(&told);
  Interrupts interrupts;
  std::optional<Finished> finished;
  std::exception_ptr failure;
  asio::co_spawn(io, workers::watch(pool), asio::detached);
  asio::co_spawn(io, progress.tick(), asio::detached);
  asio::co_spawn(io, watch_interrupts(engine, order.execution_id, interrupts), asio::detached);
  asio::co_spawn(
      io,
      run_one(engine, *store, order, progress, std::make_shared<const workers::Settings>(settings),
              !options.report.empty(), options.flow == "-" ? "-" : fs::weakly_canonical(options.flow).string()),
      [&](std::exception_ptr error, Finished result) {
        if (error) failure = error;
        else finished = std::move(result);
        io.stop();
      });
  io.run();
  pool.shut_down();
  if (failure) std::rethrow_exception(failure);

  progress.finish(finished->outcome);
  const std::string directory = files_directory(*store, order.execution_id, options.out);
  json::array files = place_files(*store, finished->files, directory);
  for (json::value& one : place_shown(finished->shown, directory)) files.push_back(std::move(one));
  const RunReport report(order, plan, finished->outcome, isolation.level(), std::move(files));
  if (!options.report.empty()) replace_file(options.report, finished->page, 0644);
  if (options.json) report.print_json();
  else report.print();
  std::fflush(stdout);  // before the id, also where both are one pipe
  if (progress.style() != Progress::Style::none) fmt::print(stderr, "execution {}\n", order.execution_id);
  Ended ended{kOk, interrupts.count > 0, report.json()};
  if (ended.interrupted) ended.status = kInterrupted;
  else if (finished->outcome.bad_input) ended.status = kBadInput;
  else if (finished->outcome.status != engine::Status::completed) ended.status = kFailed;
  return ended;
}

// One object in every case, so that a program need not read standard error, too.
void print_fault(const Fault& fault) {
  fmt::print("{}\n",
             json::serialize(json::object{
                 {"status", "failed"}, {"error", fault.message}, {"code", fault.code}, {"details", fault.details}}));
  std::fflush(stdout);
}

std::string names_of(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths)
    text += (text.empty() ? "" : ", ") + printable(path.substr(path.rfind('/') + 1));
  return text;
}

// Until interrupted: between runs SIGINT ends the process, as ever.
int run_watching(Runner& runner, const RunOptions& options) {
  if (options.flow == "-")
    throw Fault(FaultKind::bad_input, "not_watchable",
                "--watch needs the flow in a file: standard input can be read only once");
  const auto say = [&options](const std::string& text) {
    if (!options.quiet) fmt::print(stderr, "{}\n", text);
  };
  json::object before;
  for (;;) {
    WatchedFiles watched;
    try {
      Ended ended = runner.run_once(&watched);
      if (ended.interrupted) return ended.status;
      if (!before.empty()) {
        const std::vector<std::string> changes = run_changes(before, ended.report);
        for (const std::string& line : changes) say("changed  " + printable(line));
        if (changes.empty()) say("The outcome is as before.");
      }
      before = std::move(ended.report);
    } catch (const Fault& fault) {
      if (options.json) print_fault(fault);
      fmt::print(stderr, "qflow: {}\n", printable(fault.message));
    }
    say(fmt::format("Watching {} files; Ctrl-C ends.", watched.size()));
    say(fmt::format("\n{} changed", names_of(watched.wait())));
  }
}

}  // namespace

int run(const config::Config& config, const RunOptions& options) {
  Runner runner(config, options);
  if (options.watch) return run_watching(runner, options);
  try {
    return runner.run_once(nullptr).status;
  } catch (const Fault& fault) {
    if (options.json) print_fault(fault);
    throw;
  }
}

}  // namespace qflow::cli
