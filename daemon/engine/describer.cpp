#include "daemon/engine/describer.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "daemon/observe/time.hpp"
#include "daemon/store/descriptions.hpp"
#include "schema/text.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostEntries = 5000;
constexpr std::size_t kMostBytes = 16U << 20U;    // of JSON; in memory it is about ten times as much
constexpr std::size_t kMostStored = 256U << 10U;  // of one that is kept in the store
constexpr unsigned kTogether = 6;                 // workers that describe at the same time
constexpr unsigned kOfOne = 2;                    // of these, on behalf of one user
constexpr auto kShortly = std::chrono::seconds(30);
constexpr auto kLonger = std::chrono::minutes(10);  // a module that took all its time would take it again
constexpr std::size_t kMaxAnalysed = 1U << 20U;
constexpr std::size_t kMaxLoaded = 1U << 20U;
constexpr std::size_t kMaxElements = 300'000;
constexpr const char* kAnalysisModule = "_qflow_analysis";  // pyhost/describe.hpp
// A change of what a description holds makes those of before worthless.
constexpr const char* kVersion = "1";

std::string error_text(const schema::Raised& raised) {
  const std::string line = raised.line ? fmt::format(" (line {})", *raised.line) : "";
  std::string message = raised.message;
  // "invalid syntax (node.py, line 1)": the line is said once, and the file is the node.
  if (const auto at = message.rfind(" (");
      raised.type == "SyntaxError" && at != std::string::npos && message.ends_with(')'))
    message.resize(at);
  return schema::cut(fmt::format("{}: {}{}", raised.type, message, line), 4000);
}

// Missing packages may be there tomorrow, and what a module raises may depend on the time of the day. What lasts is
// what follows from the text.
bool is_lasting(const schema::NodeDescription& d) {
  const bool missing =
      std::any_of(d.imports.begin(), d.imports.end(), [](const auto& i) { return !i.present && !i.optional; });
  return !missing && (d.error.empty() || d.error.starts_with("SyntaxError"));
}

// "import nodes.read", "from nodes import read": what this code is depends on other nodes.
bool may_import_nodes(const std::string& code) { return code.find("nodes") != std::string::npos; }

}  // namespace

std::string NodeSource::key() const {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, crypto_generichash_BYTES);
  const auto add = [&](std::string_view text) {
    const std::uint64_t size = text.size();  // lengths keep neighbours apart
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size), sizeof size);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  };
  for (const std::string_view part : {std::string_view(kVersion), std::string_view(python),
                                      std::string_view(environment), std::string_view(file), std::string_view(code)})
    add(part);
  add(function ? "function " + *function : "");
  add(execute ? "live" : "static");
  if (seconds != kDescribeSeconds) add(fmt::format("within {} s", seconds));
  for (const auto& [name, text] : companions) {
    add(name);
    add(text);
  }
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash_final(&state, hash.data(), hash.size());
  std::string out;
  for (const unsigned char byte : hash) out += fmt::format("{:02x}", byte);
  return out;
}

std::vector<NodeSource> sources_of(const Plan& plan, const std::string& who) {
  std::vector<NodeSource> out;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    NodeSource source;
    source.python = plan.python;
    source.environment = plan.environment;
    source.code = step.node.code;
    source.who = who;
    source.function = step.node.function;
    source.seconds = std::min(step.timeout, source.seconds);
    // A name that no type can carry decides on nothing: the same code in many nodes is described once.
    const bool named =
        source.code.find("class") != std::string::npos || source.code.find("NewType") != std::string::npos;
    source.file = named || may_import_nodes(source.code) ? step.file : "node.py";
    if (may_import_nodes(source.code))
      for (std::size_t other = 0; other < i && source.companions.size() < 100; ++other)
        if (plan.steps[other].group == step.group)
          source.companions.emplace_back(plan.steps[other].file, plan.steps[other].node.code);
    out.push_back(std::move(source));
  }
  return out;
}

std::vector<StepTypes> types_of(const Plan& plan, const std::vector<DescriptionPtr>& descriptions) {
  std::vector<StepTypes> out(plan.steps.size());
  for (std::size_t i = 0; i < out.size() && i < descriptions.size(); ++i)
    if (descriptions[i]) {
      out[i].function = descriptions[i]->find(plan.steps[i].node.function.value_or(""));
      out[i].classes = &descriptions[i]->classes;
    }
  return out;
}

Describer::Describer(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store)
    : executor_(executor), pool_(pool), store_(store), place_(executor) {}

DescriptionPtr Describer::find(const std::string& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  if (found->second->until < Clock::now()) {
    forget(found->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().description;
}

void Describer::forget(std::list<Entry>::iterator entry) {
  kept_bytes_ -= entry->bytes;
  index_.erase(entry->key);
  entries_.erase(entry);
}

void Describer::remember(const std::string& key, DescriptionPtr description, Clock::time_point until,
                         std::size_t bytes) {
  if (const auto found = index_.find(key); found != index_.end()) forget(found->second);
  entries_.push_front({key, std::move(description), until, bytes});
  index_[key] = entries_.begin();
  kept_bytes_ += bytes;
  while (entries_.size() > kMostEntries || (kept_bytes_ > kMostBytes && entries_.size() > 1))
    forget(std::prev(entries_.end()));
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
  for (const auto& [key, one] : found) remember(key, one.first, Clock::time_point::max(), one.second);
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
  // The rest beside each other; find_out() holds the number of workers.
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
    remember(key, out, lasting ? Clock::time_point::max() : Clock::now() + (slow ? Clock::duration(kLonger) : kShortly),
             text.size());
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

Task<schema::NodeDescription> Describer::ask_worker(const NodeSource& source) {
  schema::NodeDescription out;
  const workers::Sandbox sandbox{pool_.settings().limits, sandbox::Network::none, false};
  std::vector<std::string> modules;
  modules.emplace_back(kAnalysisModule);
  const std::shared_ptr<workers::Worker> worker =
      co_await pool_.acquire(source.python, source.environment, modules, sandbox);
  worker->begin();
  std::string frames;
  schema::Load load;
  load.mark = worker->nonce();
  std::uint32_t id = 0;
  for (const auto& [file, code] : source.companions) {
    load.file = file;
    schema::pack(schema::Kind::load, ++id, load, frames, code);
  }
  load.file = source.file;
  load.function = source.function;
  load.describe = true;
  load.execute = source.execute;
  schema::pack(schema::Kind::load, ++id, load, frames, source.code);
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
                      : "WorkerDied: the module ended its process while it was imported (os._exit, a crash, a limit)";
      break;
    }
    if (answer->meta.size() > kMaxLoaded || answer->payload.size() > kMaxAnalysed ||
        schema::count_elements(answer->meta) + schema::count_elements(answer->payload) > kMaxElements) {
      problem = "a description larger than allowed";
    } else if (answer->id != id) {
      continue;  // of a companion; what is wrong with that one is its own description's to say
    } else if (answer->kind == schema::Kind::analysed && out.source == "live") {
      if (!schema::take_analysed(answer->payload, out)) problem = "an analysis that is not JSON";
    } else if (answer->kind == schema::Kind::raised) {
      if (const auto raised = schema::unpack<schema::Raised>(*answer, problem)) {
        out.error = error_text(*raised);
        out.error_line = raised->line.value_or(0);
      }
      answered = true;
    } else if (answer->kind == schema::Kind::loaded) {
      if (const auto loaded = schema::unpack<schema::Loaded>(*answer, problem)) {
        if (source.execute) schema::take_loaded(*loaded, out);
        if (out.functions.empty())
          out.error = "LookupError: the code defines no function; a node needs one `def` at the top level";
      }
      answered = true;
    } else {
      problem = "a frame that does not answer what was asked";
    }
  }
  if (!problem.empty()) out.error = "ProtocolViolation: " + problem;
  if (!out.error.empty()) out.source = "static";
  if (source.function) out.function = out.find(*source.function) != nullptr ? *source.function : "";
  pool_.release(worker);
  co_return out;
}

}  // namespace qflow::engine
