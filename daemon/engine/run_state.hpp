// What the walks of one execution share: what it runs, what is known of that, its workers, what came of it so far.
// Engine strand.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/check/signatures.hpp"
#include "daemon/engine/kept_text.hpp"
#include "daemon/engine/lane.hpp"
#include "daemon/engine/live_output.hpp"
#include "daemon/engine/order.hpp"
#include "daemon/engine/pace.hpp"
#include "daemon/engine/result_cache.hpp"
#include "daemon/engine/shared_state.hpp"
#include "daemon/workers/pool.hpp"

namespace qflow::engine {

struct RunState {
  /// `order` must outlive it.
  RunState(workers::Pool& workers, const Order& what, StepObserver told);
  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;

  workers::Pool& pool;
  const Order& order;
  const flow::Plan& plan;
  StepObserver observer;
  std::optional<LiveOutput> live;
  ResultCache* cache = nullptr;                    ///< null: every value is made anew
  NoteObserver tell;                               ///< none: nobody wants to know
  std::shared_ptr<const typing::Catalog> catalog;  // shared with the other executions
  check::Signatures::Known known;                  ///< of the plan's functions
  Pace::Known pace;                                ///< of its steps: from earlier executions, and of this one
  std::optional<json::value> settled_input;        ///< the order's, settled by the functions' types; nothing: as it is
  std::size_t entries;                             ///< steps without a source
  std::vector<std::unique_ptr<Lane>> lanes;        ///< by sandbox of the plan; null: not opened yet
  std::size_t next_channel;                        ///< the number of the next lane
  std::function<void(KeptValue)> keep;             ///< writes a value in the background; none: nothing is kept
  Clock::time_point kept_at = Clock::now();        ///< when values were kept last
  Mutex child_turn;                                ///< held while another workflow runs in the place of this execution
  std::size_t branches = 0;                        ///< how many have been made
  Outcome outcome;
  SharedState state;                         ///< the workflow's
  std::size_t state_left = 256U << 20U;      ///< bytes of changes of the state that may still come
  std::uint64_t cache_left = 256ULL << 20U;  ///< bytes of values that may be read for the cache
  std::size_t told_left = 16U << 20U;        ///< bytes that its steps may still tell
  KeptText kept;
  std::size_t described_bytes = 0;  ///< of all `loaded` messages, about
  bool cancelled = false;
  bool expired = false;  ///< it has run longer than the plan allows
  bool begun = false;    ///< a step has begun
  bool suspend = false;  ///< it is to wait between two steps, as soon as it can: the engine stops
  std::int64_t next_order = 0;
  std::uint64_t kept_left = 256ULL << 20U;  ///< bytes of values that it may have kept
  std::uint64_t file_bytes_left;            ///< of what it may hand over
  std::vector<bool> handed_over;            ///< steps whose files have been fetched

  const std::optional<json::value>& input() const { return settled_input ? settled_input : order.input; }
  /// The steps directly in the body of `loop`, or in none, in the plan's order.
  const std::vector<std::size_t>& units(std::optional<std::size_t> loop);
  /// Where the steps of a unit end: a loop goes with its body.
  std::size_t end_of(std::size_t unit) const { return std::max(unit + 1, plan.steps[unit].body_end); }
  /// A run of a step has ended: which row it gets, and which one it takes the place of.
  void count_run(std::size_t step, StepRun& run);
  /// A value has passed from one process to another. Values of one step to another are one row, however often they
  /// pass.
  void note_flow(std::size_t from, std::size_t to, const char* encoding, std::size_t bytes, double milliseconds);
  /// Ends all workers and their branches.
  void kill(workers::End why);
  /// What the workers have used, by the kernel's word.
  workers::Usage usage() const;

 private:
  std::map<std::size_t, std::vector<std::size_t>> units_;                 ///< by loop + 1
  std::map<std::size_t, std::deque<std::int64_t>> latest_;                ///< orders of a step's last runs, -1: kept
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> flow_rows_;  ///< (from, to): which of outcome.flows
};

}  // namespace qflow::engine
