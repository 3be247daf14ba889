// The connections of a workflow's document, in any of their shapes (README.md, "Accepted shapes"). Any thread.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/base/members.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// Resolves the keys by which connections name nodes, as the document has them: the natural key first, the other as a
/// fallback.
class NodeDirectory {
 public:
  explicit NodeDirectory(const std::vector<Node>& nodes);
  std::optional<std::size_t> find(const std::string& key, bool by_name) const;

 private:
  std::unordered_map<std::string, std::size_t> ids_, names_;
};

/// Adds the edges to `graph`; what is wrong goes into `problems` and is left out.
void read_connections(const json::value& connections, const NodeDirectory& directory, Graph& graph,
                      InputProblems& problems);

}  // namespace qflow::flow
