// The part of Walk for steps whose value is used again where nothing of what it depends on has changed: their code, the
// modules that they may import, function, Python, environment and grants, and the content of their inputs.
#include <fmt/format.h>

#include "daemon/base/fingerprint.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {

// False: a worker is lost, or the execution is over.
Task<bool> Walk::run_cached(std::size_t i) {
  bool on = co_await finish();
  if (!on) co_return false;
  if (readiness(i).what == Readiness::What::skip) {
    skip_step(i, State::lost, "what it takes has failed");
    co_return true;
  }
  const std::optional<std::string> key = co_await cache_key(i);
  if (lost_ != nullptr) co_return false;
  const std::string& user = run_.order.created_by;
  if (key) {
    auto looking = run_.cache->find(user, *key);
    std::optional<CachedValue> found = co_await std::move(looking);
    if (run_.cancelled || run_.expired) co_return false;
    if (found) {
      take_cached(i, *found);
      co_return true;
    }
  }
  if (run_.plan.steps[i].is_guarded()) on = co_await run_guarded(i);
  else on = ask(i);
  if (on) on = co_await finish();
  if (!on || !key || state_[i] != State::live || erred_[i] || !steps_[i].result) co_return on;
  KeptValue kept;
  const std::optional<std::string> problem = co_await keep_value(i, kept, run_.cache_left);
  if (lost_ != nullptr) co_return false;
  if (problem) co_return true;  // it is made anew each time
  const schema::Result& result = *steps_[i].result;
  run_.cache->put(user, *key,
                  {kept.encoding, std::move(kept.bytes), result.type, result.preview, result.exact, result.truncated},
                  run_.plan.steps[i].node.cache->ttl, run_.pool.executor());
  co_return true;
}

// Nothing: an input cannot be written, so that its content is not known.
Task<std::optional<std::string>> Walk::cache_key(std::size_t i) {
  const flow::Plan& plan = run_.plan;
  const flow::Node& node = plan.steps[i].node;
  Fingerprint print;
  print.add("1").add(node.cache->key).add(plan.python).add(plan.environment);
  print.add(json::serialize(json::array{sandbox_text(plan.sandboxes[plan.steps[i].group])}));
  print.add(node.code).add(node.function.value_or("")).add(flow::word(plan.types));
  for (const auto& [name, source] : plan.modules) print.add(name).add(source);
  bool imports = node.code.find("nodes") != std::string::npos;  // from other nodes, perhaps
  for (const auto& [name, source] : plan.modules) imports = imports || source.find("nodes") != std::string::npos;
  if (imports)
    for (const flow::Step& other : plan.steps) print.add(other.node.name).add(other.node.code);
  if (run_.order.given)
    for (const auto& [name, file] : run_.order.given->files) print.add(name).add(file.name).add(file.bytes);
  flow::SourceList sources;
  for (const flow::Source& source : plan.steps[i].sources)
    if (!source.closes && edge(source, i) == Edge::live) sources.push_back(&source);
  CallRequest request;
  try {
    request = call_request(plan, i, sources, run_.known.functions[i], run_.input(), run_.entries);
  } catch (const Fault&) {
    co_return std::nullopt;  // asking for it says why
  }
  print.add(request.call.declared ? json::serialize(*request.call.declared) : "");
  for (const schema::Argument& argument : request.call.arguments) {
    print.add(argument.name.value_or("")).add(argument.key.value_or(""));
    print.add(argument.item ? std::to_string(*argument.item) : "");
    if (!argument.handle) {
      print.add(argument.literal ? json::serialize(*argument.literal) : "");
      continue;
    }
    const std::size_t from = (*argument.handle - 2) / 2;
    const auto& value = steps_[from].result;
    if (value && value->exact && !value->truncated) {
      print.add("json").add(value->type).add(value->preview);
      continue;
    }
    if (!value || plan.steps[from].group != plan.steps[i].group) co_return std::nullopt;
    if (content_of_.count(from) == 0) {
      KeptValue kept;
      const std::optional<std::string> problem = co_await keep_value(from, kept, run_.cache_left);
      if (lost_ != nullptr || problem) co_return std::nullopt;
      content_of_[from] = Fingerprint().add(kept.encoding).add(kept.bytes).hex();
    }
    print.add(content_of_[from]);
  }
  co_return print.hex();
}

void Walk::take_cached(std::size_t i, const CachedValue& value) {
  StepRun& run = fresh_run(i);
  schema::Result result;
  result.type = value.type;
  result.preview = value.preview;
  result.exact = value.exact;
  result.truncated = value.truncated;
  run.result = std::move(result);
  run.reason = "cached";
  state_[i] = State::live;
  erred_[i] = false;
  forget_given(i);
  current_->give(i, value.bytes, value.encoding);
  end_step(i, Status::completed);
}

}  // namespace qflow::engine
