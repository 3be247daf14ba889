// What is known of the functions of a plan's steps. Any thread; runs no code.
#pragma once
#include <optional>
#include <string>

#include "daemon/flow/plan.hpp"
#include "schema/description.hpp"

namespace qflow::check {

/// What is known about the function of one step. Null: nothing, so nothing is reported about it.
struct StepTypes {
  const schema::NodeFunction* function = nullptr;
  const schema::Classes* classes = nullptr;
};

/// The type of an output of a step: its whole value, or one of several declared outputs.
schema::Type output_type(const flow::Step& step, const StepTypes& types, const flow::Source& source);
/// The function with as much of its parameters as binding needs.
schema::Function as_bound(const schema::NodeFunction& from);
/// The parameter of that name, or else a port for **kwargs; without a name, a port for *args.
std::optional<schema::NodePort> port_of(const schema::NodeFunction& function, const std::optional<std::string>& name);

}  // namespace qflow::check
