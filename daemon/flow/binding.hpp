// Which argument each parameter of a step gets (README.md, "Binding"). Any thread; runs no code.
#pragma once
#include "daemon/flow/plan.hpp"
#include "schema/messages.hpp"

namespace qflow::flow {

/// The arguments of one call and, for the record, their origins in words.
struct Binding {
  std::vector<schema::Argument> arguments;
  bool spread = false;
  json::object origins;  ///< parameter → "node read", "input", "literal"
  std::vector<std::string> warnings;
};

using SourceList = std::vector<const Source*>;
/// All sources of a step but closing ones.
SourceList sources_of(const Step& step);

/// Binds `sources` (those of the step's that carry a value), literals and the execution's input to `function`.
/// `call_of(step)` gives the id of a step's call; `entries`: how many steps take no other step's value. Throws a
/// Fault(bad_input) that names the node and the parameter when an edge has no parameter to feed or a parameter gets no
/// value.
Binding bind_step(const Step& step, const Plan& plan, const SourceList& sources, const schema::Function& function,
                  const std::optional<json::value>& input, std::size_t entries, std::uint32_t (*call_of)(std::size_t));
/// The same for a node of flow: each source under the name of its port.
Binding bind_flow(const Step& step, const Plan& plan, const SourceList& sources,
                  const std::optional<json::value>& input, std::uint32_t (*call_of)(std::size_t));

}  // namespace qflow::flow
