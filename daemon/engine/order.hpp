// What to run, and how it is recorded. Plain value.
#pragma once
#include <boost/json/value.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "daemon/base/byte_budget.hpp"
#include "daemon/engine/concurrency.hpp"
#include "daemon/engine/places.hpp"
#include "daemon/flow/inputs.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/typing/catalog.hpp"

namespace qflow::engine {
namespace json = boost::json;

/// An execution that goes on: what is there already.
struct Resumption {
  struct Step {
    std::size_t step = 0;
    bool live = false;                  ///< it has a value; otherwise it was not taken
    bool erred = false;                 ///< the value is its error
    std::vector<std::int32_t> outputs;  ///< of a node of flow: those that carry a value
    schema::Result result;              ///< as recorded
    std::string encoding, value;        ///< json, which the record shows, or as it was kept
    std::string blob;                   ///< where that is, until Recorder::read_kept() has read it
  };
  std::vector<Step> steps;
  std::set<std::size_t> over;       ///< steps whose waiting is over
  std::optional<json::value> came;  ///< what came with the call that ended that of `came_at`
  std::optional<std::size_t> came_at;
  double ran_ms = 0;      ///< how long it ran before
  std::int64_t rows = 0;  ///< of its steps, in the record
  std::int64_t next_order = 0;
  std::vector<json::object> state_changes;  ///< of the workflow's state, in their order
};

/// A workflow that a step runs (qflow.workflow).
struct WorkflowCall {
  std::string workflow;           ///< as the node names it
  bool wait = true;               ///< for its end
  unsigned max_depth = 0;         ///< flow::SubWorkflow
  std::string input;              ///< JSON text, which has been checked
  std::function<bool()> stopped;  ///< whether nobody waits for it any more, so that it is to be ended
};
struct WorkflowAnswer {
  std::string id;                    ///< of its execution
  std::string value;                 ///< what it gave, as JSON text
  std::optional<std::string> error;  ///< why it gave nothing
};

struct KeptWorker;

struct Order {
  flow::Plan plan;
  std::optional<json::value> input;
  flow::InputRules input_rules = flow::InputRules::whole;
  std::shared_ptr<const flow::GivenInputs> given;  ///< what the command line gave as text and files; null: nothing
  std::map<std::size_t, std::string> pins;         ///< steps that do not run, and their values as JSON text
  std::shared_ptr<KeptWorker> kept;  ///< a worker that has values of an earlier execution; null: a fresh one runs it
  std::map<std::size_t, std::string> live;      ///< steps that do not run, and the nodes whose values are in `kept`
  bool keeps_worker = false;                    ///< its worker may stay when it has ended
  std::map<std::string, std::string> lineages;  ///< flow::lineages(), where its worker may stay
  std::set<std::string> outdated;  ///< nodes whose values in `kept` are older than what they follow from will be
  std::string execution_id;        ///< empty: not recorded (a trial run of a node)
  std::optional<std::string> workflow_id;
  std::string workflow_name;
  std::string mode = "manual";
  std::string created_by;               ///< the user; empty: nobody was signed in
  std::optional<std::string> retry_of;  ///< the execution that this one repeats
  std::string document;    ///< the workflow as JSON, to be kept with the record; empty: none, or it is kept by now
  bool resumable = false;  ///< the record has all that another process would need to run it
  bool may_wait = false;   ///< somebody makes it go on when it has waited without a worker
  std::shared_ptr<Resumption> resumed;  ///< null: it begins at its start. Shared with nobody while it runs
  bool fresh = false;                   ///< no value is taken from the cache, nor put there
  bool goes_on = false;                 ///< after a crash it is taken up again
  std::string resume_url;               ///< the path of the address that ends its waiting; empty: none
  std::optional<std::string> parent;    ///< the execution that has started this one as a part of itself
  bool in_parents_place = false;        ///< and waits for it: it needs no place of its own
  std::vector<std::string> callers;     ///< the workflows that run one another down to this one, itself the last
  /// Whether the step does not run, because its value is there.
  bool gives(std::size_t step) const { return pins.count(step) != 0 || live.count(step) != 0; }
  /// Runs another workflow, or starts it. Throws Fault when it cannot. None: nothing can.
  std::function<Task<WorkflowAnswer>(WorkflowCall)> call_workflow;
  /// Gives the answer to who has called the webhook, {status, headers, body} as JSON text. None: nobody waits for it.
  std::function<void(const std::string& answer)> respond;
  std::uint64_t quota = 0;                  ///< bytes that the user may keep; 0: any number
  bool queued = false;                      ///< its record says that it waits for a place
  bool input_is_recorded = false;           ///< `input` was dropped while it waits, and is read back when it begins
  std::string state_of;                     ///< whose state it changes when it is of no workflow; empty: it is not kept
  std::vector<json::object> state_changes;  ///< that count as its own: of steps that are not run again
  json::object state;                       ///< the workflow's (qflow.state), as it was when this began
  std::shared_ptr<ByteBudget::Hold> room;   ///< for what it takes while it waits; null: that is little
  ConcurrencyRule concurrency;              ///< how many like it run at the same time
  std::string concurrency_key;              ///< what its group is called in the record; empty: it has none
  std::shared_ptr<Ticket> ticket;           ///< counts it as waiting until it has a place; null: not counted
  std::shared_ptr<const typing::Catalog> catalog;  ///< users' types; null: none. Shared with other executions
};

}  // namespace qflow::engine
