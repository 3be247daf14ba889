// `qflow check`: reports the errors and warnings of a workflow without running it.
#include "daemon/cli/check_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <filesystem>

#include "daemon/base/text.hpp"
#include "daemon/check/workflow_check.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/workers/watch.hpp"
#include "schema/messages.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;
using check::Finding;

struct Checked {
  check::WorkflowCheck check;
  std::map<std::string, std::string> files;  ///< node id → the file next to the flow that holds its code
};

Task<Checked> check_one(const CheckOptions& options, json::object document, workers::Pool& pool, store::Store& store,
                        std::shared_ptr<const workers::Settings> settings) {
  check::Describer describer(co_await asio::this_coro::executor, pool, &store);
  check::CatalogLoader catalogs(store, describer);
  auto loading = catalogs.load(std::nullopt, settings);
  check::CatalogPtr catalog = co_await std::move(loading);
  Checked out;
  std::function<void(flow::Graph&)> prepare = [&](flow::Graph& graph) {
    if (options.python) {
      graph.python_version = *options.python;
      for (auto& node : graph.nodes) node.python_version.reset();
    }
    if (options.strict) graph.types = flow::TypeChecks::strict;
    for (const auto& node : graph.nodes)
      if (!node.file.empty()) out.files[node.id] = (fs::path(options.flow).parent_path() / node.file).string();
  };
  auto checking = check::check_workflow(describer, document, std::move(settings), std::move(catalog),
                                        check::CheckScope{}, std::move(prepare));
  out.check = co_await std::move(checking);
  for (Finding& finding : out.check.findings)  // `run` refuses it, too
    if (finding.code == "unknown_member" && finding.message.find("did you mean") != std::string::npos)
      finding.severity = Finding::Severity::error;
  co_return out;
}

// "flow.json:12" or, for a line of code in a file of its own, "read.py:3".
std::string place_of(const Finding& finding, const Checked& checked, const CheckOptions& options,
                     const std::string& text) {
  const auto file = checked.files.find(finding.node_id);
  if (finding.line > 0 && file != checked.files.end()) return fmt::format("{}:{}", file->second, finding.line);
  return fmt::format("{}:{}", options.flow, line_of(text, finding.pointer));
}

void print_findings(const Checked& checked, const CheckOptions& options, const std::string& text) {
  const bool color = ::isatty(STDOUT_FILENO) == 1;
  std::size_t errors = 0, warnings = 0;
  for (const Finding& finding : checked.check.findings) {
    const char* shade = finding.severity == Finding::Severity::error     ? "31"
                        : finding.severity == Finding::Severity::warning ? "33"
                                                                         : "36";
    errors += finding.severity == Finding::Severity::error ? 1 : 0;
    warnings += finding.severity == Finding::Severity::warning ? 1 : 0;
    const std::string kind =
        color ? fmt::format("\x1b[{}m{}\x1b[0m", shade, word(finding.severity)) : word(finding.severity);
    const bool said = finding.message.find(fmt::format("(line {})", finding.line)) != std::string::npos;
    const bool in_code = finding.line > 0 && !said && checked.files.count(finding.node_id) == 0;
    fmt::print("{}: {}: {}{} [{}]\n", printable(place_of(finding, checked, options, text)), kind,
               printable(finding.message), in_code ? fmt::format(" (line {} of its code)", finding.line) : "",
               finding.code);
    if (const json::value* list = finding.details.if_contains("suggestions"); list != nullptr && list->is_array())
      for (const auto& one : list->get_array())
        fmt::print("    put between them: {} {}\n", printable(std::string_view(one.at("converter").as_string())),
                   printable(json::serialize(one.at("nodes"))));
  }
  if (errors + warnings == 0) fmt::print("{}: no findings\n", options.flow);
  else
    fmt::print("{}: {} error{}, {} warning{}\n", options.flow, errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
}

json::object report(const Checked& checked, const CheckOptions& options, const std::string& text) {
  json::array findings;
  for (const Finding& finding : checked.check.findings) {
    json::object one = check::to_json(finding);
    one["place"] = place_of(finding, checked, options, text);
    findings.push_back(std::move(one));
  }
  return {{"file", options.flow}, {"valid", checked.check.valid()}, {"findings", std::move(findings)}};
}

}  // namespace

int check(const config::Config& config, const CheckOptions& options) {
  const LocalFlow local = read_flow(options.flow);
  const std::string& text = local.text;
  workers::Settings settings = make_settings(config);
  settings.min_spares = 2;
  settings.max_spares = 4;
  const Isolation isolation = require_isolation(settings, static_cast<int>(config.sandbox.min_isolation));
  log::set_level(log::Level::error);
  store::Store store(config.data_dir);
  asio::io_context io(1);
  workers::Pool pool(io.get_executor(), settings);
  std::optional<Checked> checked;
  std::exception_ptr failure;
  asio::co_spawn(io, workers::watch(pool), asio::detached);
  asio::co_spawn(io,
                 check_one(options, local.document, pool, store, std::make_shared<const workers::Settings>(settings)),
                 [&](std::exception_ptr error, Checked result) {
                   if (error) failure = error;
                   else checked = std::move(result);
                   io.stop();
                 });
  io.run();
  pool.shut_down();
  if (failure) std::rethrow_exception(failure);
  if (options.json) fmt::print("{}\n", json::serialize(report(*checked, options, text)));
  else print_findings(*checked, options, text);
  std::fflush(stdout);
  return checked->check.valid() ? kOk : kFailed;
}

}  // namespace qflow::cli
