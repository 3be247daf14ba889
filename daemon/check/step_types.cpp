#include "daemon/check/step_types.hpp"

#include <algorithm>

#include "schema/typing/hierarchy.hpp"

namespace qflow::check {

using schema::NodePort;
using schema::Type;

Type output_type(const flow::Step& step, const StepTypes& types, const flow::Source& source) {
  const Type& whole = types.function->output.type;
  const auto& outputs = step.node.outputs;
  if (outputs.size() < 2) return whole;
  auto index = static_cast<std::size_t>(source.output);
  if (source.output_port) {
    const auto found = std::find(outputs.begin(), outputs.end(), *source.output_port);
    index = static_cast<std::size_t>(found - outputs.begin());
  }
  if (whole.kind == Type::Kind::tuple && !whole.variadic && whole.arguments.size() == outputs.size() &&
      index < outputs.size())
    return whole.arguments[index];
  int budget = schema::kLooks;
  if (whole.kind == Type::Kind::named && types.classes != nullptr && index < outputs.size())
    if (const auto info = types.classes->find(whole.name); info != types.classes->end())
      for (const schema::Field& field : schema::fields_of(whole, info->second, *types.classes, budget))
        if (field.name == outputs[index]) return field.type;
  if (whole.is("list") && whole.arguments.size() == 1) return whole.arguments.front();
  if (whole.is("dict") && whole.arguments.size() == 2) return whole.arguments[1];
  return {};
}

schema::Function as_bound(const schema::NodeFunction& from) {
  schema::Function out;
  out.name = from.name;
  out.var_positional = from.more_positional;
  out.var_keyword = from.more_named;
  for (const NodePort& port : from.inputs) {
    schema::Parameter parameter;
    parameter.name = port.name;
    parameter.kind = port.kind;
    parameter.required = port.required;
    out.parameters.push_back(std::move(parameter));
  }
  return out;
}

std::optional<NodePort> port_of(const schema::NodeFunction& function, const std::optional<std::string>& name) {
  for (const NodePort& port : function.inputs)
    if (name && port.name == *name) return port;
  if (name ? !function.more_named : !function.more_positional) return std::nullopt;
  NodePort more;
  more.name = name.value_or("*args");
  more.kind = name ? "keyword" : "positional";
  more.type = name ? function.named_type : function.positional_type;
  return more;
}

}  // namespace qflow::check
