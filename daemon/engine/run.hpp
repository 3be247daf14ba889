// One execution of a plan on one worker, or one for each of its sandboxes: loads, binds, pipelines the calls, holds the
// time limits. Engine thread.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "daemon/async.hpp"
#include "daemon/engine/binding.hpp"
#include "daemon/engine/live_output.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/engine/plan.hpp"
#include "daemon/engine/signatures.hpp"
#include "daemon/engine/type_check.hpp"
#include "daemon/workers/pool.hpp"

namespace qflow::engine {

/// How long handing over the files of an execution may take.
inline constexpr auto kFetchPatience = std::chrono::seconds(10);

/// Told as it happens, on the engine thread: a step's `run` changed its status. Must not block.
using StepObserver = std::function<void(std::size_t step, const StepRun& run)>;

class Run {
 public:
  /// `output` may be empty: nobody watches. `measured`: the outcome tells the resource use, for the record. `catalog`:
  /// users' types; null for none.
  Run(workers::Pool& pool, Signatures& signatures, Plan plan, std::optional<json::value> input, StepObserver observer,
      OutputObserver output, bool measured, std::shared_ptr<const typing::Catalog> catalog = nullptr);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Runs to the end; whatever the worker does, ends in bounded time. Throws only what the pool throws (no worker).
  Task<Outcome> execute();
  /// Ends it from outside: the worker and all it started are killed.
  void cancel();
  const Plan& plan() const { return plan_; }

 private:
  struct Expected {
    bool load = false;
    std::size_t step = 0;
  };
  static std::uint32_t load_id(std::size_t step) { return static_cast<std::uint32_t>(2 * step + 1); }
  static std::uint32_t call_id(std::size_t step) { return static_cast<std::uint32_t>(2 * step + 2); }

  Task<> take_worker(std::size_t group);
  Task<> run_all();
  Task<> run_pipelined();
  Task<> run_in_sandboxes();
  bool is_lost() const;
  void add_loads(std::size_t group, std::string& frames);
  bool add_calls(std::size_t first, std::size_t last, std::string& frames);
  bool add_call(std::size_t step, std::size_t entries, std::string& frames);
  bool can_start(std::size_t step) const;
  bool give_values(std::size_t first, std::size_t last, std::string& frames);
  bool crosses(std::size_t step) const;
  workers::Usage usage() const;
  void refuse_call(std::size_t step, NodeError error);
  bool types_fit();
  void check_custom_type(std::size_t step);
  std::string keep_text(std::string_view text);
  struct WorkerReturn;
  std::vector<std::unique_ptr<WorkerReturn>> returns_;
  bool is_wanted(std::size_t step) const;
  std::uint32_t preview_limit(std::size_t step) const;
  Task<> serve(std::size_t until);
  Task<> fetch_files();
  void begin_next();
  void take_answer(const schema::Frame& frame);
  void on_loaded(std::size_t step, const schema::Loaded& loaded);
  void on_result(std::size_t step, schema::Result result);
  Cause cause_of(std::size_t step, const schema::Raised& raised) const;
  workers::Usage bounded(const schema::Used& used, std::size_t step) const;
  workers::Usage remaining_usage(std::size_t step) const;
  NodeError explain_exit(const std::optional<schema::Exited>& exited) const;
  void on_raised(std::size_t step, const schema::Raised& raised);
  void collect_output(std::size_t step, std::uint32_t id);
  void end_step(std::size_t step, Status status);
  void fail_step(std::size_t step, NodeError error);
  Task<> explain_loss();
  void violation(std::string what);

  workers::Pool& pool_;
  Signatures& signatures_;
  Plan plan_;
  std::optional<json::value> input_;
  StepObserver observer_;
  std::optional<LiveOutput> live_;
  bool measured_;
  std::vector<std::shared_ptr<workers::Worker>> workers_;  ///< by sandbox of the plan
  std::shared_ptr<workers::Worker> worker_;                ///< the one that is asked now
  std::vector<schema::Function> functions_;
  std::vector<schema::NodeFunction> types_;  ///< of the functions, for the check before the calls
  std::vector<schema::Classes> classes_;
  std::shared_ptr<const typing::Catalog> catalog_;  // shared with the other executions
  std::deque<Expected> expected_;
  Clock::time_point step_start_;
  Outcome outcome_;
  std::size_t output_kept_ = 0;          ///< bytes of all steps' stdout and stderr
  std::size_t text_kept_ = 0;            ///< bytes of all errors and warnings
  std::size_t loaded_bytes_ = 0;         ///< of all `loaded` messages
  std::optional<std::size_t> fetching_;  ///< whose files are being fetched
  bool cancelled_ = false;
  std::string violation_;
};

}  // namespace qflow::engine
