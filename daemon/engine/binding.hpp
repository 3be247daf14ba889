// Which argument each parameter of a step gets (workflows.md 3). Engine thread; runs no code.
#pragma once
#include "daemon/engine/plan.hpp"
#include "schema/messages.hpp"

namespace qflow::engine {

/// The arguments of one call, and where they came from in words, for the record.
struct Binding {
  std::vector<schema::Argument> arguments;
  bool spread = false;
  json::object origins;  ///< parameter → "node read", "input", "literal"
  std::vector<std::string> warnings;
};

/// Binds `step`'s sources, literals and the execution's input to `function`. `call_of(step)` gives the id of a step's
/// call; `entries`: how many steps have no source. Throws Fault(bad_input) naming node and parameter when an edge has
/// no parameter to go to or a parameter nothing to come from.
Binding bind_step(const Step& step, const Plan& plan, const schema::Function& function,
                  const std::optional<json::value>& input, std::size_t entries, std::uint32_t (*call_of)(std::size_t));

}  // namespace qflow::engine
