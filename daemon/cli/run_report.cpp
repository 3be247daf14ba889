#include "daemon/cli/run_report.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "daemon/base/json_text.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/text.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/cli/table_text.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownBytes = 8000;  // bytes of one output on a terminal

json::value parsed(const std::string& text) {
  std::string error;
  return schema::parse_json(text, error, 200);
}

json::object node_report(const flow::Step& step, const engine::StepRun& run) {
  json::object node{{"id", step.node.id},
                    {"name", step.node.name},
                    {"status", engine::word(run.status)},
                    {"outcome", engine::word(run.cause())},
                    {"denied", engine::denied_json(run.denied)},
                    {"resource_usage", engine::usage_json(run.usage)},
                    {"duration_ms", run.duration_ms},
                    {"load_ms", run.load_ms}};
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
  if (!run.told.execution.empty()) node["sub_execution"] = run.told.execution;
  if (!run.told.log.empty()) node["log"] = run.told.log;
  if (!run.told.display.empty()) node["display"] = run.told.display;
  node["runs"] = run.count + 1;
  node["tries"] = run.attempt + 1;
  if (!run.reason.empty()) node["reason"] = run.reason;
  if (run.result && run.result->live && !step.node.outputs.empty()) {
    json::array live;
    for (const std::int32_t output : *run.result->live)
      live.push_back(json::value(step.node.outputs.at(static_cast<std::size_t>(output))));
    node["live_outputs"] = std::move(live);
  }
  return node;
}

}  // namespace

std::string files_directory(const store::Store& store, const std::string& id, const std::string& chosen) {
  return chosen.empty() ? (fs::path(store.directory()) / "files" / id).string() : chosen;
}

json::array place_files(const store::Store& store, const std::vector<store::File>& files,
                        const std::string& directory) {
  json::array placed;
  if (files.empty()) return placed;
  const fs::path target(directory);
  std::error_code error;
  fs::create_directories(target, error);
  for (const auto& file : files) {
    const fs::path path = target / file.filename;
    if (!error) fs::copy_file(store.blob_path(file.hash_sha256), path, fs::copy_options::overwrite_existing, error);
    if (error)
      throw Fault(FaultKind::bad_input, "unwritable",
                  fmt::format("{}: the file cannot be written: {}; the record has it", path.string(), error.message()));
    placed.push_back(json::object{{"filename", file.filename},
                                  {"path", fs::absolute(path).string()},
                                  {"size", file.file_size_bytes},
                                  {"sha256", file.hash_sha256},
                                  {"mime_type", file.mime_type},
                                  {"output_of", nullptr}});
    if (file.is_output) placed.back().get_object()["output_of"] = file.node_id.value_or("");
  }
  return placed;
}

RunReport::RunReport(const engine::Order& order, const flow::Plan& plan, const engine::Outcome& outcome,
                     int isolation_level, json::array files) {
  json::array nodes;
  json::object outputs;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const engine::StepRun& run = outcome.steps[i];
    const flow::Node& node = plan.steps[i].node;
    nodes.push_back(node_report(plan.steps[i], run));
    if (!engine::is_wanted(plan, i) || !run.result) continue;
    json::value whole = run.whole ? parsed(*run.whole) : json::value();
    if (!whole.is_null()) outputs[node.name] = std::move(whole);
    else outputs[node.name] = parsed(run.result->preview);
    if (!run.result->truncated) continue;
    cut_[node.name] = run.whole ? "--json prints all of it" : "this is only a part, see the note on the node";
    for (const json::value& file : files)
      if (file.at("output_of").is_string() && file.at("output_of").get_string() == node.id)
        cut_[node.name] = "all of it is in " + std::string(std::string_view(file.at("path").as_string()));
  }
  json::object truncated;
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (engine::is_wanted(plan, i) && outcome.steps[i].result && outcome.steps[i].result->truncated &&
        !outcome.steps[i].whole)
      truncated[plan.steps[i].node.name] = true;
  report_ = json::object{{"id", order.execution_id},
                         {"workflow", plan.name},
                         {"status", engine::word(outcome.status)},
                         {"outcome", engine::word(outcome.cause())},
                         {"sandbox", engine::sandboxes_json(plan)},
                         {"python_version", plan.python},
                         {"isolation_level", isolation_level},
                         {"duration_ms", outcome.duration_ms},
                         {"truncated_outputs", std::move(truncated)},
                         {"outputs", std::move(outputs)},
                         {"nodes", std::move(nodes)},
                         {"files", std::move(files)},
                         {"error", nullptr},
                         {"resource_usage", engine::usage_json(outcome.usage)}};
  if (outcome.error)
    report_["error"] = outcome.failed_step ? outcome.error->sentence(plan.steps[*outcome.failed_step].node.name)
                                           : outcome.error->message;
}

void RunReport::print_output(const std::string& name, const json::value& value) const {
  const auto cut = cut_.find(name);
  if (const auto table = table_text(value)) {
    fmt::print("{} = {}", printable(name), printable(*table));
    if (cut != cut_.end()) fmt::print("({})\n", printable(cut->second));
    return;
  }
  const std::string text = indented(value);
  const bool whole = text.size() <= kShownBytes;
  if (!whole || cut != cut_.end())
    fmt::print("{} = (the first {} bytes; {})\n", printable(name), std::min(text.size(), kShownBytes),
               cut == cut_.end() ? fmt::format("--json prints all {}", text.size()) : printable(cut->second));
  else fmt::print("{} = ", printable(name));
  fmt::print("{}\n", printable(cut_utf8(text, kShownBytes)));
}

void RunReport::print() const {
  if (const json::value& error = report_.at("error"); error.is_string()) {
    for (const auto& node : report_.at("nodes").as_array())
      if (const auto* e = node.as_object().if_contains("error");
          e != nullptr && !e->at("traceback").as_string().empty())
        fmt::print(stderr, "\n{}", printable(std::string_view(e->at("traceback").as_string())));
    fmt::print(stderr, "\nFailed ({}): {}\n", std::string_view(report_.at("outcome").as_string()),
               printable(std::string_view(error.as_string())));
  }
  for (const auto& [name, value] : report_.at("outputs").as_object()) print_output(name, value);
  for (const auto& file : report_.at("files").as_array())
    if (file.at("output_of").is_null())
      fmt::print("file  {}\n", printable(std::string_view(file.at("path").as_string())));
}

void RunReport::print_json() const { fmt::print("{}\n", schema::write_json(report_)); }

}  // namespace qflow::cli
