// Finds out in workers what nodes' code defines, and remembers it: user code is parsed nowhere else, and nothing is
// introspected twice. Engine strand.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/base/lru.hpp"
#include "daemon/check/type_check.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/store/store.hpp"
#include "daemon/workers/pool.hpp"
#include "schema/description.hpp"

namespace qflow::check {

/// How long executing a module may take when it is described.
inline constexpr double kDescribeSeconds = 10;

/// Everything that a description depends on. A worker is trusted about this and nothing else: each description comes
/// from a worker of its own that was given only this.
struct NodeSource {
  std::string python, environment;
  std::string file;  ///< its stem names the module
  std::string code;
  std::optional<std::string> function;
  std::optional<std::string>
      name;  ///< the node's, where it may decide which function is called and `file` does not say it
  /// The modules that the code may import as `nodes.NAME`: file and code, in the order of their execution.
  std::vector<std::pair<std::string, std::string>> companions;
  std::map<std::string, std::string> modules;  ///< flow::Graph::modules, when the code may import one of them
  std::optional<json::value> flow;             ///< instead of code: a node of flow (schema::Load::flow)
  bool execute = true;                         ///< false: only read the text
  double seconds = kDescribeSeconds;           ///< for executing the module, companions included
  std::string who;                             ///< the user who asks: no user may take all the places. Not in key()

  /// Hash of all that the description depends on, in hexadecimal digits.
  std::string key() const;
};

/// One for each step of a plan.
std::vector<NodeSource> sources_of(const flow::Plan& plan, const std::string& who = {});

using DescriptionPtr = std::shared_ptr<const schema::NodeDescription>;  // shared with the cache and its readers

class Describer {
 public:
  /// `store` may be null: then descriptions live as long as this object.
  Describer(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store);

  /// The descriptions of all sources, in order; workers find out the unknown ones, a few at a time. Bad code does not
  /// make it fail: its description says what is wrong. Throws Fault when no worker is available.
  Task<std::vector<DescriptionPtr>> describe(std::vector<NodeSource> sources);
  Task<DescriptionPtr> describe(NodeSource source);
  /// The descriptions that are already known, null for the others. Starts nothing.
  Task<std::vector<DescriptionPtr>> known(std::vector<NodeSource> sources);

 private:
  struct Known {
    DescriptionPtr description;
    Clock::time_point until;  ///< descriptions that may soon change expire soon
  };
  DescriptionPtr find(const std::string& key);
  Task<> read_stored(const std::vector<std::string>& keys, std::vector<DescriptionPtr>& into);
  Task<DescriptionPtr> find_out(std::string key, NodeSource source);
  Task<schema::NodeDescription> ask_worker(const NodeSource& source);

  asio::any_io_executor executor_;
  workers::Pool& pool_;
  store::Store* store_;
  Lru<Known> known_;                                                   ///< weighed in bytes of JSON
  std::unordered_map<std::string, std::shared_ptr<Event>> under_way_;  // shared with the coroutines that wait for it
  unsigned running_ = 0;
  std::map<std::string, unsigned> running_of_;  ///< by NodeSource::who
  Event place_;
};

/// Pointers into descriptions, for check_types(): the function that each step calls.
std::vector<StepTypes> types_of(const flow::Plan& plan, const std::vector<DescriptionPtr>& descriptions);

}  // namespace qflow::check
