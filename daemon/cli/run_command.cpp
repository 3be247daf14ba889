// `qflow run`: the same engine, sandbox and record as the server's, in one process.
#include "daemon/cli/run_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/text.hpp"
#include "daemon/check/catalog_loader.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/engine/kept_files.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/workers/watch.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

json::value value_of(const std::string& text) {
  if (text.starts_with('@')) {
    const std::string content = read_text(text == "@-" ? "/dev/stdin" : text.substr(1), "input file");
    if (!is_utf8(content))
      throw bad_flow("not_text", fmt::format("input file {} is not UTF-8 text; nodes take only text", text.substr(1)));
    return json::value(json::string(content));
  }
  std::string error;
  json::value value = schema::parse_json(text, error, 128);
  return error.empty() ? value : json::value(json::string(text));
}

std::optional<json::value> read_input(const RunOptions& options) {
  std::optional<json::value> input;
  if (!options.input_file.empty()) input = parse_file(options.input_file, "input file");
  for (const std::string& text : options.inputs) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw bad_flow("invalid_input", fmt::format("--input {}: expected NAME=VALUE", text));
    if (!is_utf8(text)) throw bad_flow("not_text", fmt::format("--input {}: not UTF-8 text", to_utf8(text)));
    if (!input) input = json::object();
    if (!input->is_object()) throw bad_flow("invalid_input", "--input needs a JSON object in --input-file to add to");
    input->get_object()[text.substr(0, equals)] = value_of(text.substr(equals + 1));
  }
  return input;
}

// Copies the files to DATA/files/EXECUTION/NAME, with names of our own. Copies, because changing them must not change
// the blobs.
json::array place_files(const store::Store& store, const std::string& id, const std::vector<store::File>& files) {
  json::array placed;
  if (files.empty()) return placed;
  const fs::path directory = fs::path(store.directory()) / "files" / id;
  fs::create_directories(directory);
  for (const auto& file : files) {
    const fs::path path = directory / file.filename;
    fs::copy_file(store.blob_path(file.hash_sha256), path, fs::copy_options::overwrite_existing);
    placed.push_back(json::object{{"filename", file.filename},
                                  {"path", fs::absolute(path).string()},
                                  {"size", file.file_size_bytes},
                                  {"sha256", file.hash_sha256},
                                  {"mime_type", file.mime_type}});
  }
  return placed;
}

json::value parsed(const std::string& text) {
  std::string error;
  return schema::parse_json(text, error, 200);
}

json::object report(const engine::Order& order, const flow::Plan& plan, const engine::Outcome& outcome, int level,
                    json::array files) {
  json::array nodes;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& run = outcome.steps[i];
    json::object node{{"id", plan.steps[i].node.id},
                      {"name", plan.steps[i].node.name},
                      {"status", engine::word(run.status)},
                      {"outcome", engine::word(run.cause())},
                      {"denied", engine::denied_json(run.denied)},
                      {"resource_usage", engine::usage_json(run.usage)},
                      {"duration_ms", run.duration_ms}};
    if (run.result) {
      node["type"] = run.result->type;
      node["value"] = parsed(run.result->preview);
      node["exact"] = run.result->exact;
      node["truncated"] = run.result->truncated;
    }
    if (run.error) {
      node["error"] =
          json::object{{"type", run.error->type}, {"message", run.error->message}, {"traceback", run.error->traceback}};
      if (run.error->line) node["error"].get_object()["line"] = *run.error->line;
    }
    node["stdout"] = run.standard_output.text;
    node["stderr"] = run.standard_error.text;
    node["output_dropped"] = run.standard_output.dropped + run.standard_error.dropped;
    node["warnings"] = json::value_from(run.warnings);
    nodes.push_back(std::move(node));
  }
  json::object out{{"id", order.execution_id},
                   {"workflow", plan.name},
                   {"status", engine::word(outcome.status)},
                   {"outcome", engine::word(outcome.cause())},
                   {"sandbox", engine::sandboxes_json(plan)},
                   {"python_version", plan.python},
                   {"isolation_level", level},
                   {"duration_ms", outcome.duration_ms},
                   {"outputs", parsed(engine::outputs_json(plan, outcome))},
                   {"nodes", std::move(nodes)},
                   {"files", std::move(files)},
                   {"error", nullptr},
                   {"resource_usage", engine::usage_json(outcome.usage)}};
  if (outcome.error)
    out["error"] = outcome.failed_step ? outcome.error->sentence(plan.steps[*outcome.failed_step].node.name)
                                       : outcome.error->message;
  return out;
}

// Short values go on one line, others are indented.
std::string pretty(const json::value& value, std::size_t indent) {
  const std::string flat = json::serialize(value);
  if (flat.size() + indent <= 100 || (!value.is_object() && !value.is_array())) return flat;
  const std::string pad(indent + 2, ' ');
  std::string out = value.is_object() ? "{\n" : "[\n";
  bool first = true;
  const auto add = [&](const std::string& key, const json::value& element) {
    out += (first ? "" : ",\n") + pad + key + pretty(element, indent + 2);
    first = false;
  };
  if (value.is_object())
    for (const auto& [key, element] : value.get_object()) add(json::serialize(json::value(key)) + ": ", element);
  else
    for (const auto& element : value.get_array()) add("", element);
  return out + "\n" + std::string(indent, ' ') + (value.is_object() ? "}" : "]");
}

void print_outputs(const json::object& report) {
  if (const json::value& error = report.at("error"); error.is_string()) {
    for (const auto& node : report.at("nodes").as_array())
      if (const auto* e = node.as_object().if_contains("error");
          e != nullptr && !e->at("traceback").as_string().empty())
        fmt::print(stderr, "\n{}", printable(std::string_view(e->at("traceback").as_string())));
    fmt::print(stderr, "\nFailed ({}): {}\n", std::string_view(report.at("outcome").as_string()),
               printable(std::string_view(error.as_string())));
  }
  for (const auto& [name, value] : report.at("outputs").as_object()) {
    const std::string text = pretty(value, 0);
    constexpr std::size_t kShown = 8000;
    fmt::print("{} = {}\n", printable(name), printable(cut_utf8(text, kShown)));
    if (text.size() > kShown) fmt::print("… {} bytes in all; --json prints the whole value\n", text.size());
  }
  for (const auto& file : report.at("files").as_array())
    fmt::print("file  {}\n", std::string_view(file.at("path").as_string()));
}

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
};

Task<Finished> run_one(engine::Engine& engine, store::Store& store, engine::Order& order, Progress& progress,
                       std::shared_ptr<const workers::Settings> settings) {
  check::Describer describer(co_await asio::this_coro::executor, engine.pool(), &store);
  check::CatalogLoader catalogs(store, describer);
  auto loading = catalogs.load(std::nullopt, std::move(settings));
  order.catalog = co_await std::move(loading);
  co_await engine.recorder().start(order);
  engine::StepObserver observe = [&progress](std::size_t step, const engine::StepRun& run) {
    progress.on_step(step, run);
  };
  engine::Order copy = order;
  auto running = engine.run(std::move(copy), std::move(observe));
  Finished finished;
  finished.outcome = co_await std::move(running);
  auto read = [id = order.execution_id](sqlite::Db& db) { return store::files_of(db, id); };
  finished.files = co_await store.read(std::move(read));
  co_return finished;
}

}  // namespace

namespace {
int run_or_throw(const config::Config& config, const RunOptions& options) {
  const json::value document = parse_file(options.flow, "workflow");
  if (!document.is_object())
    throw bad_flow("invalid_workflow",
                   fmt::format("workflow {} must be a JSON object with nodes and connections", options.flow));
  flow::Graph graph = flow::read_workflow(document.get_object());
  if (graph.name.empty()) graph.name = fs::path(options.flow).stem();
  if (options.python) {
    graph.python_version = *options.python;
    for (auto& node : graph.nodes) node.python_version.reset();
  }
  read_node_files(graph, fs::absolute(options.flow).parent_path());
  workers::Settings settings = make_settings(config);
  settings.min_spares = 1;  // there is one execution to serve
  settings.max_spares = 1;
  settings.preload = false;
  engine::Order order;
  order.plan = flow::make_plan(graph, settings, options.node);
  order.input = read_input(options);
  order.execution_id = new_id();
  order.workflow_name = graph.name;
  order.mode = "cli";
  order.document = json::serialize(document);
  const flow::Plan plan = order.plan;
  const Isolation isolation = require_isolation(settings, static_cast<int>(config.sandbox.min_isolation));
  log::set_level(log::Level::warning);

  store::Store store(config.data_dir);
  asio::io_context io(1);
  workers::Pool pool(io.get_executor(), settings);
  engine::Engine engine(io.get_executor(), pool, &store, 1, isolation.level(), isolation.missing());
  engine.recorder().set_patience(std::chrono::seconds(10));
  Progress progress(plan, Progress::style_for(plan, options.quiet || options.json));
  Interrupts interrupts;
  std::optional<Finished> finished;
  std::exception_ptr failure;
  asio::co_spawn(io, workers::watch(pool), asio::detached);
  asio::co_spawn(io, progress.tick(), asio::detached);
  asio::co_spawn(io, watch_interrupts(engine, order.execution_id, interrupts), asio::detached);
  asio::co_spawn(io, run_one(engine, store, order, progress, std::make_shared<const workers::Settings>(settings)),
                 [&](std::exception_ptr error, Finished result) {
                   if (error) failure = error;
                   else finished = std::move(result);
                   io.stop();
                 });
  io.run();
  pool.shut_down();
  if (failure) std::rethrow_exception(failure);

  progress.finish(finished->outcome);
  const json::object result = report(order, plan, finished->outcome, isolation.level(),
                                     place_files(store, order.execution_id, finished->files));
  if (options.json) fmt::print("{}\n", json::serialize(result));
  else print_outputs(result);
  std::fflush(stdout);
  if (interrupts.count > 0) return kInterrupted;
  if (finished->outcome.bad_input) return kBadInput;
  return finished->outcome.status == engine::Status::completed ? kOk : kFailed;
}

}  // namespace

int run(const config::Config& config, const RunOptions& options) {
  if (!options.json) return run_or_throw(config, options);
  try {
    return run_or_throw(config, options);
  } catch (const Fault& fault) {
    // One object in every case, so that a program need not read standard error, too.
    fmt::print("{}\n",
               json::serialize(json::object{
                   {"status", "failed"}, {"error", fault.message}, {"code", fault.code}, {"details", fault.details}}));
    throw;
  }
}

}  // namespace qflow::cli
