// The part of Walk that takes what nodes tell while they run: for the record, for who watches, and the workflow's
// state.
#include <fmt/format.h>

#include "daemon/base/time.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {
namespace {

constexpr const char* kFull = "it told more than an execution may keep (16 MiB); the rest is not in the record";

}  // namespace

void Walk::take_note(const LaneAnswer& answer) {
  const std::size_t step = answer.to.step;
  if (noting_ == step) return;
  const auto& note = std::get<schema::Note>(answer.what);
  StepRun& run = steps_[step];
  Told& told = run.told;
  if (note.what == "state") {
    if (answer.bytes > run_.state_left) told.state_lost = true;
    else told.state = note.data->get_object();
    run_.state_left -= std::min(run_.state_left, answer.bytes);
    told.state_bytes = answer.bytes;
    return;
  }
  if (note.what != "progress") {
    if (answer.bytes > run_.told_left) {
      if (!std::exchange(told.cut, true)) run.warnings.emplace_back(kFull);
      return;
    }
    run_.told_left -= answer.bytes;
  }
  if (note.what == "log") {
    told.log.push_back(
        json::object{{"at", iso_time(now_us())}, {"level", *note.level}, {"text", *note.text}, {"fields", *note.data}});
  } else if (note.what == "display") {
    json::object shown{{"data", *note.data}};
    if (note.text) shown["left_out"] = *note.text;
    told.display.push_back(std::move(shown));
  }
  if (run_.tell) run_.tell(step, note);
}

// Of a round that is nobody's: its worker has made the change, and is told how it was. One that sends too much is not.
void Walk::disown_note(const LaneAnswer& answer) {
  const auto& note = std::get<schema::Note>(answer.what);
  if (note.what != "state" || answer.bytes > run_.state_left) return;
  run_.state_left -= answer.bytes;
  run_.state.disown(note.data->get_object());
}

// The step has succeeded: what it changed counts. False: it has failed for it.
bool Walk::take_state(Lane& lane, std::size_t step) {
  Told& told = steps_[step].told;
  if (!told.state && !told.state_lost) return true;
  if (!told.state_lost && run_.state.merge(*told.state, lane.channel())) {
    // Its row has the change where that fits: after a crash, it is read there.
    if (told.state_bytes > run_.told_left) told.state.reset();
    else run_.told_left -= told.state_bytes;
    return true;
  }
  told.state.reset();
  fail_for_good(step,
                {"StateTooLarge",
                 told.state_lost ? "its changes of qflow.state are too large: at most 256 MiB in all of an execution"
                                 : "qflow.state would be larger than 1 MiB as JSON",
                 "", std::nullopt, Cause::raised});
  return false;
}

}  // namespace qflow::engine
