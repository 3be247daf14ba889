// Checks a whole workflow without running it: finds everything that is or may be wrong at once. Engine strand.
#pragma once
#include <functional>

#include "daemon/check/catalog_loader.hpp"
#include "daemon/check/describer.hpp"

namespace qflow::check {

struct WorkflowCheck {
  std::vector<Finding> findings;             ///< in the order of the nodes; those about the document first
  std::optional<flow::Plan> plan;            ///< nothing: the document is not a workflow
  std::vector<DescriptionPtr> descriptions;  ///< one for each step of the plan; null: not known
  bool valid() const { return !has_errors(findings); }
};

struct CheckScope {
  bool known_only = false;  ///< use what is already known about nodes; start no worker
  std::string who;          ///< the user on whose behalf workers are asked
  bool types_only = false;  ///< connections and literals only: the reasons to refuse an execution
};

/// `prepare` may change the graph after it was read: files next to the flow, an environment. It may throw Fault.
Task<WorkflowCheck> check_workflow(Describer& describer, const json::object& document,
                                   std::shared_ptr<const workers::Settings> settings, CatalogPtr catalog,
                                   CheckScope options, std::function<void(flow::Graph&)> prepare = {});

/// The same for an existing plan.
Task<WorkflowCheck> check_plan(Describer& describer, flow::Plan plan, CatalogPtr catalog, CheckScope options);

}  // namespace qflow::check
