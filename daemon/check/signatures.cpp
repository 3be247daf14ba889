#include "daemon/check/signatures.hpp"

#include "daemon/base/fingerprint.hpp"
#include "daemon/flow/control.hpp"

namespace qflow::check {

std::string Signatures::key_of(const flow::Plan& plan) {
  Fingerprint print;
  print.add(plan.python).add(plan.environment);
  for (const auto& [name, source] : plan.modules) print.add(name).add(source);
  for (const flow::Step& step : plan.steps)
    print.add(step.file)
        .add(step.node.name)
        .add(step.node.function.value_or(""))
        .add(step.node.code)
        .add(step.is_flow() ? json::serialize(flow::control_json(step.node)) : "")
        .add(std::to_string(step.group));
  return print.bytes();
}

}  // namespace qflow::check
