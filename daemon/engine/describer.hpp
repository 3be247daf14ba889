// What nodes' code defines, found out in workers and remembered: parsing user code happens nowhere else, and nothing is
// introspected twice. Engine thread.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/engine/plan.hpp"
#include "daemon/engine/type_check.hpp"
#include "daemon/store/store.hpp"
#include "daemon/workers/pool.hpp"
#include "schema/description.hpp"

namespace qflow::engine {

/// How long executing a module may take when it is described.
inline constexpr double kDescribeSeconds = 10;

/// Everything that decides on a description. A worker is believed about this and nothing else: each description comes
/// from a worker of its own, which was given only this.
struct NodeSource {
  std::string python, environment;
  std::string file;  ///< its stem names the module
  std::string code;
  std::optional<std::string> function;
  /// The modules that the code may import as `nodes.NAME`: file and code, in the order of their execution.
  std::vector<std::pair<std::string, std::string>> companions;
  bool execute = true;                ///< false: only read the text
  double seconds = kDescribeSeconds;  ///< for executing the module, companions included
  std::string who;                    ///< on whose behalf: nobody may have all the places. Decides on nothing

  /// Hash of all of it, as hexadecimal digits.
  std::string key() const;
};

/// One for each step of a plan.
std::vector<NodeSource> sources_of(const Plan& plan, const std::string& who = {});

using DescriptionPtr = std::shared_ptr<const schema::NodeDescription>;  // shared with the cache and those who read it

class Describer {
 public:
  /// `store` may be null: then descriptions live as long as this object.
  Describer(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store);

  /// The descriptions of all of them, in order; those that are not known yet are found out, some at a time. Never fails
  /// for what the code is: then a description says what is wrong. Throws Fault when no worker can be had.
  Task<std::vector<DescriptionPtr>> describe(std::vector<NodeSource> sources);
  Task<DescriptionPtr> describe(NodeSource source);
  /// Those that are known already, others null: nothing is started.
  Task<std::vector<DescriptionPtr>> known(std::vector<NodeSource> sources);

 private:
  struct Entry {
    std::string key;
    DescriptionPtr description;
    Clock::time_point until;  ///< what may be different soon is forgotten soon
    std::size_t bytes = 0;    ///< of its JSON
  };
  DescriptionPtr find(const std::string& key);
  void remember(const std::string& key, DescriptionPtr description, Clock::time_point until, std::size_t bytes);
  void forget(std::list<Entry>::iterator entry);
  Task<> read_stored(const std::vector<std::string>& keys, std::vector<DescriptionPtr>& into);
  Task<DescriptionPtr> find_out(std::string key, NodeSource source);
  Task<schema::NodeDescription> ask_worker(const NodeSource& source);

  asio::any_io_executor executor_;
  workers::Pool& pool_;
  store::Store* store_;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
  std::unordered_map<std::string, std::shared_ptr<Event>> under_way_;  // shared with those who wait for it
  unsigned running_ = 0;
  std::map<std::string, unsigned> running_of_;  ///< by who
  std::size_t kept_bytes_ = 0;
  Event place_;
};

/// Pointers into descriptions, for check_types(): the function that each step calls.
std::vector<StepTypes> types_of(const Plan& plan, const std::vector<DescriptionPtr>& descriptions);

}  // namespace qflow::engine
