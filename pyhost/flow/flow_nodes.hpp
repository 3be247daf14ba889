// Nodes of flow: conditions, loops, merges. What each does is written in flow_nodes.py; here is how a worker makes and
// runs them. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Executes flow_nodes.py. In the zygote, before the first fork. Throws error_already_set.
void prepare_flow_nodes();

/// What a node of flow hands on: see Answer in flow_nodes.py.
struct FlowAnswer {
  pybind11::object value, shown;
  std::optional<std::vector<std::int32_t>> live;
  std::optional<std::uint64_t> left;
  bool brief = false;
};

/// The nodes of flow of one worker, by the id of their load.
class FlowNodes {
 public:
  /// What `execution` says in expressions.
  void set_execution(const schema::json::value& facts);
  /// Forgets all nodes and the execution: another one begins in this process.
  void begin_again();
  /// Compiles the node's expressions. Throws error_already_set: SyntaxError for one that is not Python.
  schema::Loaded load(std::uint32_t id, const schema::Load& load);
  bool has(std::uint32_t id) const { return nodes_.count(id) != 0; }
  /// The name under which its expressions were compiled.
  const std::string& file_of(std::uint32_t id) const { return nodes_.at(id).file; }
  /// Runs it. `inputs`: by port, in order. `again`: a loop's next round. Throws error_already_set.
  /// `at`: of a loop in a branch, the item that it goes to; -1: to none.
  FlowAnswer run(std::uint32_t id, const std::vector<std::pair<std::string, pybind11::object>>& inputs, bool again,
                 std::optional<std::int64_t> at);
  /// What a loop has collected in this branch, by the number of the round; and what others have.
  pybind11::object results(std::uint32_t id) const;
  void add_results(std::uint32_t id, const pybind11::object& more);

 private:
  struct Node {
    pybind11::object node;
    std::string file;
    std::optional<std::uint32_t> loop;
  };
  std::unordered_map<std::uint32_t, Node> nodes_;
  schema::json::value facts_;
  pybind11::object execution_;
};

}  // namespace qflow::pyhost
