#include "daemon/check/describer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fingerprint.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/store/description_rows.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/utf8.hpp"

namespace qflow::check {
namespace {

constexpr std::size_t kMostEntries = 5000;
constexpr std::size_t kMostBytes = 16U << 20U;    // of JSON; in memory it is about ten times as much
constexpr std::size_t kMostStored = 256U << 10U;  // of one description in the store
constexpr unsigned kTogether = 6;                 // workers that describe at the same time
constexpr unsigned kOfOne = 2;                    // of these, on behalf of one user
constexpr auto kShortly = std::chrono::seconds(30);
constexpr auto kLonger = std::chrono::minutes(10);  // a module that used up its time would do so again
constexpr std::size_t kMaxAnalysed = 1U << 20U;
constexpr std::size_t kMaxLoaded = 1U << 20U;
constexpr std::size_t kMaxElements = 300'000;
constexpr const char* kAnalysisModule = "_qflow_analysis";  // pyhost/node/describe.hpp
// Change it when the contents of a description change; older descriptions are then ignored.
constexpr const char* kVersion = "3";

std::string error_text(const schema::Raised& raised) {
  const std::string line = raised.line ? fmt::format(" (line {})", *raised.line) : "";
  std::string message = raised.message;
  // "invalid syntax (node.py, line 1)": give the line only once; the file is the node.
  if (const auto at = message.rfind(" (");
      raised.type == "SyntaxError" && at != std::string::npos && message.ends_with(')'))
    message.resize(at);
  return schema::cut(fmt::format("{}: {}{}", raised.type, message, line), 4000);
}

// A missing package may be there tomorrow, and an exception of a module may depend on the time of day. Only what
// follows from the text lasts.
bool is_lasting(const schema::NodeDescription& d) {
  const bool missing =
      std::any_of(d.imports.begin(), d.imports.end(), [](const auto& i) { return !i.present && !i.optional; });
  return !missing && (d.error.empty() || d.error.starts_with("SyntaxError"));
}

// "import nodes.read", "from nodes import read": such code depends on other nodes.
bool may_import_nodes(const std::string& code) { return code.find("nodes") != std::string::npos; }

}  // namespace

std::string NodeSource::key() const {
  Fingerprint print;
  print.add(kVersion).add(python).add(environment).add(file).add(code);
  print.add(function ? "function " + *function : "").add(name ? "name " + *name : "").add(execute ? "live" : "static");
  if (seconds != kDescribeSeconds) print.add(fmt::format("within {} s", seconds));
  if (flow) print.add("flow").add(json::serialize(*flow));
  for (const auto& [companion, text] : companions) print.add(companion).add(text);
  for (const auto& [module, text] : modules) print.add("module " + module).add(text);
  return print.hex();
}

std::vector<NodeSource> sources_of(const flow::Plan& plan, const std::string& who) {
  std::vector<NodeSource> out;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const flow::Step& step = plan.steps[i];
    NodeSource source;
    source.python = plan.python;
    source.environment = plan.environment;
    source.code = step.node.code;
    source.who = who;
    if (step.is_flow()) source.flow = flow::control_json(step.node);
    source.function = step.node.function;
    source.seconds = std::min(step.timeout, source.seconds);
    // A file name that no type can carry does not matter: the same code in many nodes is described once.
    const bool named =
        source.code.find("class") != std::string::npos || source.code.find("NewType") != std::string::npos;
    const bool several = std::min(source.code.find("def "), source.code.size()) != source.code.rfind("def ");
    source.file = named || several || may_import_nodes(source.code) ? step.file : "node.py";
    if (several && !step.node.file.empty()) source.name = step.node.name;
    if (may_import_nodes(source.code))
      for (std::size_t other = 0; other < i && source.companions.size() < 100; ++other)
        if (plan.steps[other].group == step.group)
          source.companions.emplace_back(plan.steps[other].file, plan.steps[other].node.code);
    const bool helped = std::any_of(plan.modules.begin(), plan.modules.end(), [&](const auto& module) {
      return source.code.find(module.first) != std::string::npos;
    });
    if (helped) source.modules = plan.modules;
    out.push_back(std::move(source));
  }
  return out;
}

std::vector<StepTypes> types_of(const flow::Plan& plan, const std::vector<DescriptionPtr>& descriptions) {
  std::vector<StepTypes> out(plan.steps.size());
  for (std::size_t i = 0; i < out.size() && i < descriptions.size(); ++i)
    if (descriptions[i]) {
      out[i].function = descriptions[i]->find(plan.steps[i].node.function.value_or(""));
      out[i].classes = &descriptions[i]->classes;
    }
  return out;
}

Describer::Describer(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store)
    : executor_(executor), pool_(pool), store_(store), known_(kMostEntries, kMostBytes), place_(executor) {}

DescriptionPtr Describer::find(const std::string& key) {
  const Known* found = known_.find(key);
  if (found == nullptr) return nullptr;
  if (found->until >= Clock::now()) return found->description;
  known_.erase(key);
  return nullptr;
}

Task<> Describer::read_stored(const std::vector<std::string>& keys, std::vector<DescriptionPtr>& into) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    into[i] = find(keys[i]);
    if (!into[i]) missing.push_back(keys[i]);
  }
  if (missing.empty() || store_ == nullptr) co_return;
  auto job = [missing](sqlite::Db& db) {
    std::map<std::string, std::pair<DescriptionPtr, std::size_t>> found;
    for (const std::string& key : missing)
      if (const auto text = store::find_description(db, key)) {
        std::string error;
        const json::value value = schema::parse_json(*text, error, 128);
        if (error.empty())
          found[key] = {std::make_shared<const schema::NodeDescription>(schema::description_from_json(value)),
                        text->size()};
      }
    return found;
  };
  const auto found = co_await store_->read(std::move(job));
  for (const auto& [key, one] : found) known_.put(key, {one.first, Clock::time_point::max()}, one.second);
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (const auto at = found.find(keys[i]); !into[i] && at != found.end()) into[i] = at->second.first;
}

Task<std::vector<DescriptionPtr>> Describer::known(std::vector<NodeSource> sources) {
  std::vector<std::string> keys;
  for (const NodeSource& source : sources) keys.push_back(source.key());
  std::vector<DescriptionPtr> out(sources.size());
  co_await read_stored(keys, out);
  co_return out;
}

Task<std::vector<DescriptionPtr>> Describer::describe(std::vector<NodeSource> sources) {
  std::vector<std::string> keys;
  for (const NodeSource& source : sources) keys.push_back(source.key());
  std::vector<DescriptionPtr> out(sources.size());
  co_await read_stored(keys, out);
  // The rest concurrently; find_out() limits the number of workers.
  std::size_t left = 0;
  std::exception_ptr failure;
  Event done(executor_);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (out[i]) continue;
    ++left;
    asio::co_spawn(executor_, find_out(keys[i], std::move(sources[i])),
                   [&, i](std::exception_ptr error, DescriptionPtr description) {
                     if (error) failure = error;
                     out[i] = std::move(description);
                     if (--left == 0) done.signal();
                   });
  }
  while (left > 0) co_await done.wait();
  if (failure) std::rethrow_exception(failure);
  co_return out;
}

Task<DescriptionPtr> Describer::describe(NodeSource source) {
  std::vector<NodeSource> one;
  one.push_back(std::move(source));
  std::vector<DescriptionPtr> all = co_await describe(std::move(one));
  co_return all.front();
}

Task<DescriptionPtr> Describer::find_out(std::string key, NodeSource source) {
  for (;;) {
    if (DescriptionPtr known = find(key)) co_return known;
    const auto other = under_way_.find(key);
    if (other == under_way_.end()) break;
    const std::shared_ptr<Event> event = other->second;
    co_await event->wait();
  }
  const auto event = std::make_shared<Event>(executor_);
  under_way_[key] = event;
  std::exception_ptr failure;
  DescriptionPtr out;
  while (running_ >= kTogether || running_of_[source.who] >= kOfOne) co_await place_.wait();
  ++running_;
  ++running_of_[source.who];
  try {
    auto made = std::make_shared<schema::NodeDescription>(co_await ask_worker(source));
    std::string text = json::serialize(schema::to_json(*made));
    const bool lasting = is_lasting(*made) && text.size() <= kMostStored;
    const bool slow = made->error.starts_with("TimedOut") && source.seconds >= kDescribeSeconds;
    out = made;
    const auto until = lasting ? Clock::time_point::max() : Clock::now() + (slow ? Clock::duration(kLonger) : kShortly);
    known_.put(key, {out, until}, text.size());
    if (lasting && store_ != nullptr)
      store_->post([key, python = source.python, text = std::move(text), at = now_us()](sqlite::Tx& tx) {
        store::put_description(tx, key, python, text, at);
      });
  } catch (...) {
    failure = std::current_exception();
  }
  --running_;
  if (--running_of_[source.who] == 0) running_of_.erase(source.who);
  under_way_.erase(key);
  place_.signal();
  event->signal();
  if (failure) std::rethrow_exception(failure);
  co_return out;
}

namespace {

// The frames that have a worker load the modules, `last` the id of the one that is to be described.
std::string load_frames(const NodeSource& source, const std::string& mark, std::uint32_t& last) {
  std::string frames;
  schema::Load load;
  load.mark = mark;
  last = 0;
  for (const auto& [name, code] : source.modules)
    schema::pack(schema::Kind::module, 0, schema::HelperModule{name}, frames, code);
  for (const auto& [file, code] : source.companions) {
    load.file = file;
    schema::pack(schema::Kind::load, ++last, load, frames, code);
  }
  load.file = source.file;
  load.function = source.function;
  load.name = source.name;
  load.flow = source.flow;
  load.describe = !source.flow;
  load.execute = source.execute;
  schema::pack(schema::Kind::load, ++last, load, frames, source.code);
  return frames;
}

// Takes what a worker says of the module. True: that was the last of it. `problem`: why it is not believed.
bool take_answer(const schema::Frame& answer, const NodeSource& source, schema::NodeDescription& out,
                 std::string& problem) {
  if (answer.kind == schema::Kind::analysed && out.source == "live") {
    if (!schema::take_analysed(answer.payload, out)) problem = "an analysis that is not JSON";
    return false;
  }
  if (answer.kind == schema::Kind::raised) {
    if (const auto raised = schema::unpack<schema::Raised>(answer, problem)) {
      out.error = error_text(*raised);
      out.error_line = raised->line.value_or(0);
    }
    return true;
  }
  if (answer.kind == schema::Kind::loaded) {
    if (const auto loaded = schema::unpack<schema::Loaded>(answer, problem)) {
      if (source.execute) schema::take_loaded(*loaded, out);
      if (out.functions.empty())
        out.error = "LookupError: the code defines no function; a node needs one `def` at the top level";
    }
    return true;
  }
  problem = "a frame that does not answer the request";
  return true;
}

}  // namespace

Task<schema::NodeDescription> Describer::ask_worker(const NodeSource& source) {
  schema::NodeDescription out;
  const workers::Sandbox sandbox{pool_.settings().limits, sandbox::Network::none, false};
  std::vector<std::string> modules;
  modules.emplace_back(kAnalysisModule);
  const workers::Lease worker = co_await pool_.acquire(source.python, source.environment, modules, sandbox);
  worker->begin();
  std::uint32_t id = 0;
  std::string frames = load_frames(source, worker->nonce(), id);
  worker->set_deadline(Clock::now() +
                       std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(source.seconds)));
  worker->post(std::move(frames));
  std::string problem;
  for (bool answered = false; !answered && problem.empty();) {
    const std::optional<schema::Frame> answer = co_await worker->receive();
    if (!answer) {
      out.error = worker->end() == workers::End::timed_out
                      ? fmt::format("TimedOut: the module did not load within {} s; do the work inside the function",
                                    source.seconds)
                      : "WorkerDied: the module ended its process during import (os._exit, a crash, a limit)";
      break;
    }
    if (answer->meta.size() > kMaxLoaded || answer->payload.size() > kMaxAnalysed ||
        schema::count_elements(answer->meta) + schema::count_elements(answer->payload) > kMaxElements)
      problem = "a description larger than allowed";
    else if (answer->id == id) answered = take_answer(*answer, source, out, problem);
    // An answer of a companion: its own description says what is wrong with it.
  }
  if (!problem.empty()) out.error = "ProtocolViolation: " + problem;
  if (!out.error.empty() && out.functions.empty()) out.source = "static";
  if (source.function) out.function = out.find(*source.function) != nullptr ? *source.function : "";
  co_return out;
}

}  // namespace qflow::check
