// A whole workflow, looked at without being run: everything that is wrong with it, or may be, at once. Engine thread.
#pragma once
#include <functional>

#include "daemon/engine/catalog_loader.hpp"
#include "daemon/engine/describer.hpp"

namespace qflow::engine {

struct WorkflowCheck {
  std::vector<Finding> findings;             ///< in the order of the nodes; those of the document first
  std::optional<Plan> plan;                  ///< nothing: the document is no workflow
  std::vector<DescriptionPtr> descriptions;  ///< one for each step of the plan; null: not known
  bool valid() const { return !has_errors(findings); }
};

struct CheckOptions {
  bool known_only = false;  ///< take what is known of nodes already; start no worker
  std::string who;          ///< on whose behalf workers are asked
  bool types_only = false;  ///< connections and literals only: what an execution is refused for
};

/// `prepare` may change the graph after it was read: files beside the flow, an environment. It may throw Fault.
Task<WorkflowCheck> check_workflow(Describer& describer, const json::object& document,
                                   std::shared_ptr<const workers::Settings> settings, CatalogPtr catalog,
                                   CheckOptions options, std::function<void(Graph&)> prepare = {});

/// The same for a plan that stands already.
Task<WorkflowCheck> check_plan(Describer& describer, Plan plan, CatalogPtr catalog, CheckOptions options);

}  // namespace qflow::engine
