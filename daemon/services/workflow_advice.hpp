// What can be said of a workflow without running it: an explanation in words, and what could be better. Costs time in
// proportion to the workflow's size. Any thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/flow/graph.hpp"
#include "daemon/workers/pool_settings.hpp"

namespace qflow::services {

struct NodeExplanation {
  std::string id, name, text;
  std::vector<std::string> takes_from, gives_to;  ///< names of nodes
  std::vector<std::string> imports;
};
struct Explanation {
  std::string text;
  std::vector<NodeExplanation> nodes;  ///< without notes on the canvas
};
Explanation explain_workflow(const flow::Graph& graph);

struct Advice {
  struct Suggestion {
    std::string kind;  ///< error, unconnected, duplicate, imports, sandbox; more: some are not listed
    std::string node;  ///< its name; empty: the workflow
    std::string message;
  };
  std::vector<Suggestion> suggestions;
  std::vector<std::vector<std::string>> independent;  ///< names of nodes that do not need each other
};
Advice advise(const flow::Graph& graph, const workers::Settings& settings);

}  // namespace qflow::services
