// The part of Walk that fetches what the outputs of a workflow hand over: files, and values of which there is only a
// part.
#include <fmt/format.h>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {

Task<bool> Walk::hand_over(const Units& units) {
  const auto until = Clock::now() + kFetchPatience;  // for all of them
  const auto lane_of = [&](std::size_t i) { return run_.handed_over[i] ? nullptr : lanes_[run_.plan.steps[i].group]; };
  for (const std::size_t i : units) {
    if (lane_of(i) == nullptr || !steps_[i].result || steps_[i].result->files.empty()) continue;
    Lane& lane = *lane_of(i);
    const bool fetched = co_await fetch_files_of(i, lane, until);
    if (lane.is_lost()) lost_ = &lane;
    if (!fetched) co_return false;
  }
  for (const std::size_t i : units) {
    if (lane_of(i) == nullptr) continue;
    Lane& lane = *lane_of(i);
    run_.handed_over[i] = true;
    if (!is_cut_output(i)) continue;
    co_await fetch_whole(i, lane, until);
    if (lane.is_lost()) lost_ = &lane;
    if (lost_ != nullptr) co_return false;
  }
  co_return true;
}

// An output of the workflow of which there is only a part so far. A trial run shows that part.
bool Walk::is_cut_output(std::size_t step) const {
  return !run_.order.execution_id.empty() && is_wanted(run_.plan, step) && steps_[step].result &&
         steps_[step].result->truncated;
}

Task<> Walk::fetch_whole(std::size_t step, Lane& lane, Clock::time_point until) {
  StepRun& run = steps_[step];
  std::string problem;
  if (run.result->least_bytes.value_or(0) > run_.file_bytes_left) {
    problem = fmt::format("as JSON it is larger than {} MiB", run_.file_bytes_left >> 20U);
  } else {
    std::optional<FetchedFile> value =
        co_await lane.fetch(step, run_.plan.steps[step], kWholeValue, run_.file_bytes_left, until);
    if (!value) co_return;
    if (!value->problem && !value->too_large) {
      run_.file_bytes_left -= value->bytes.size();
      run.whole = std::move(value->bytes);
      co_return;
    }
    problem = run_.kept.keep(value->problem.value_or("it is larger than allowed"));
  }
  run.warnings.push_back(
      fmt::format("only a part of its value is kept: {}; return a pathlib.Path to hand over a large result", problem));
}

// False: the worker was lost, or the files were more than allowed.
Task<bool> Walk::fetch_files_of(std::size_t step, Lane& lane, Clock::time_point until) {
  StepRun& run = steps_[step];
  for (std::uint32_t index = 0; index < run.result->files.size(); ++index) {
    const schema::FileOffer& offer = run.result->files[index];
    std::optional<FetchedFile> file =
        co_await lane.fetch(step, run_.plan.steps[step], index, run_.file_bytes_left, until);
    if (!file) co_return false;
    if (file->too_large) {
      fail_step(step, {"FileLimit",
                       fmt::format("the files it handed over are larger than the limit of {} MiB for an execution",
                                   run_.pool.settings().file_bytes >> 20U),
                       "", std::nullopt, Cause::output_limit});
      co_return false;
    }
    run_.file_bytes_left -= file->bytes.size();
    if (file->problem) {
      fail_step(step, {"FileLost",
                       run_.kept.keep(fmt::format("the file {} that it returned could not be read: {}",
                                                  offer.name.value_or(offer.label), *file->problem)),
                       "", std::nullopt, Cause::raised});
      co_return false;
    }
    run.files.push_back(
        {run_.kept.keep(offer.label), offer.suffix, run_.kept.keep(offer.name.value_or("")), std::move(file->bytes)});
  }
  co_return true;
}

}  // namespace qflow::engine
