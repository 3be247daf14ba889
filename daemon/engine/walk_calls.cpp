// The part of Walk that makes calls: which values go along, and how they come to another worker.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {

bool Walk::ask(std::size_t i) {
  flow::SourceList sources;
  for (const flow::Source& source : run_.plan.steps[i].sources)
    if (!source.closes && edge(source, i) == Edge::live) sources.push_back(&source);
  return send_call(i, sources, nullptr, std::nullopt);
}

// `at`: of a loop in a branch, the item that it goes to.
bool Walk::ask_again(std::size_t loop, const Closing& closing, std::optional<std::int64_t> at) {
  flow::SourceList sources;
  if (closing.source != nullptr) sources.push_back(closing.source);
  return send_call(loop, sources, &closing, at);
}

// A value of a node of flow that came from another sandbox, or from the record, is that of its live outputs; of a
// filter, a dict of both.
void Walk::adapt(std::size_t step, schema::Argument& argument) const {
  if (!argument.handle) return;
  const std::size_t from = (*argument.handle - 2) / 2;
  const bool elsewhere = run_.plan.steps[from].group != run_.plan.steps[step].group || shown_.count(from) != 0;
  if (!elsewhere || !run_.plan.steps[from].is_flow()) return;
  if (run_.plan.steps[from].node.control == flow::Control::filter) return;
  argument.item.reset();
  argument.key.reset();
  argument.width.reset();
}

// Whether a step that comes later in this branch takes the value, too: otherwise it is the branch's own.
bool Walk::is_taken_again(std::size_t step, std::size_t from) const {
  if (run_.plan.steps[step].loop != run_.plan.steps[from].loop) return true;
  return std::any_of(mine_.upper_bound(step), mine_.end(), [&](std::size_t other) {
    const auto& sources = run_.plan.steps[other].sources;
    return std::any_of(sources.begin(), sources.end(), [&](const flow::Source& source) { return source.step == from; });
  });
}

bool Walk::send_call(std::size_t i, const flow::SourceList& sources, const Closing* closing,
                     std::optional<std::int64_t> at) {
  const flow::Step& step = run_.plan.steps[i];
  Lane& lane = *lanes_[step.group];
  const bool partly = sources.size() < flow::sources_of(step).size();
  try {
    if (!give_values(lane, i, sources)) return true;  // it has failed
    CallRequest request = call_request(run_.plan, i, sources, run_.known.functions[i], run_.input(), run_.entries);
    if (closing != nullptr) {
      if (sources.empty()) request.call.arguments.clear();
      request.call.again = true;
      for (schema::Argument& argument : request.call.arguments)
        argument.name = step.node.control == flow::Control::for_each ? "result" : "next";
      if (closing->error) {
        schema::Argument error;
        error.name = "error";
        error.literal = *closing->error;
        request.call.arguments.push_back(std::move(error));
      }
    }
    request.call.at = at;
    if (run_.order.keeps_worker && path_.empty()) request.call.again_later = true;
    if (came_ != nullptr) {
      schema::Argument came;
      came.name = "came";
      came.literal = *std::exchange(came_, nullptr);
      request.call.arguments.push_back(std::move(came));
    }
    for (schema::Argument& argument : request.call.arguments) {
      if (branch_ > 0 && argument.handle && !is_taken_again(i, (*argument.handle - 2) / 2)) argument.copy.reset();
      adapt(i, argument);
    }
    std::uint64_t round = 0;
    StepRun* run = &steps_[i];
    if (!path_.empty() && closing == nullptr) {
      round = ++last_round_;
      run = &rounds_[round];
      run->index = path_;
    }
    run->attempt = attempt_;
    if (const std::string news = run_.state.news(lane.channel()); !news.empty()) lane.state(news);
    if (closing == nullptr) {
      run->origins = std::move(request.origins);
      for (std::string& warning : request.warnings) run->warnings.push_back(std::move(warning));
    }
    lane.call(i, step, request.call, round);
    if (run_.live) run_.live->asked(lane.channel(), call_id(i), i);
    last_asked_ = i;
    state_[i] = State::asked;
    ++unanswered_[i];
    return true;
  } catch (const Fault& fault) {
    if (partly && fault.code == "missing_argument") {
      skip_step(i, State::dead,
                fault.message.substr(0, fault.message.find(": connect it")) + ": its source was not taken");
      return true;
    }
    refuse_call(i, {"NotBound", fault.message, "", std::nullopt, Cause::not_run});
  } catch (const std::length_error&) {
    refuse_call(i, {"InputTooLarge",
                    fmt::format("node \"{}\": its arguments are too large to hand to a worker: at most {} MiB for "
                                "one node, {} MiB for all; pass a file's text in parts, or let the node read or make "
                                "the data",
                                step.node.name, schema::kMaxFrame >> 20U, Lane::kMostQueued >> 20U),
                    "", std::nullopt, Cause::not_run});
  }
  return false;
}

// Between sandboxes only plain data passes: a pickle would run code of one sandbox with the rights of the other.
bool Walk::give_values(Lane& lane, std::size_t i, const flow::SourceList& sources) {
  const flow::Step& step = run_.plan.steps[i];
  for (const flow::Source* source : sources) {
    if (!source->step || run_.plan.steps[*source->step].group == step.group) continue;
    const StepRun& from = steps_[*source->step];
    if (given_.count({*source->step, step.group}) != 0) continue;
    if (!from.result) {
      fail_step(i, {"NotTransferable",
                    fmt::format("the value of node \"{}\" is not known outside of its sandbox",
                                run_.plan.steps[*source->step].node.name),
                    "", std::nullopt, Cause::not_run});
      return false;
    }
    if (!from.result->exact || from.result->truncated) {
      const std::string where = from.result->inexact_at ? ": " + run_.kept.keep(*from.result->inexact_at) : "";
      fail_step(i, {"NotTransferable",
                    fmt::format("the value of node \"{}\" ({}{}) cannot pass to node \"{}\", which runs in another "
                                "sandbox: only JSON values of at most {} MiB can (None, bool, int, float, str, list, "
                                "dict). Return such a value, or give both nodes the same sandbox",
                                run_.plan.steps[*source->step].node.name, from.result->type, where, step.node.name,
                                kOutputBytes >> 20U),
                    "", std::nullopt, Cause::not_run});
      return false;
    }
    const auto start = Clock::now();
    lane.give(*source->step, from.result->preview);
    given_.insert({*source->step, step.group});
    run_.note_flow(*source->step, i, "json", from.result->preview.size(), milliseconds_since(start));
  }
  return true;
}

void Walk::refuse_call(std::size_t step, NodeError error) {
  run_.outcome.bad_input = !run_.begun;
  refused_ = true;
  for (Lane* const lane : lanes_)
    if (lane != nullptr) lane->forget();
  fail_for_good(step, std::move(error));
}

}  // namespace qflow::engine
