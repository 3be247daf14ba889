#include "daemon/engine/call_request.hpp"

#include <algorithm>

#include "daemon/engine/lane.hpp"
#include "schema/documented_types.hpp"
#include "schema/typing/documented_name.hpp"

namespace qflow::engine {
namespace {

constexpr std::uint32_t kPreviewBytes = 64U << 10U;  // of a value that only other nodes of the same worker take
constexpr std::size_t kAllPreviews = 64U << 20U;

// The documented types that the workflow gives ports whose code says nothing.
std::optional<json::value> declared_types(const flow::Node& node) {
  json::object out;
  for (const auto& [port, name] : node.port_types) {
    const auto known = schema::builtin_type(name);
    if (!known || *known == "any") continue;
    if (port.starts_with("in ")) out[port] = schema::to_json(schema::type_of_documented(*known));
  }
  if (const auto known = schema::builtin_type(node.whole_output_type()); known && *known != "any")
    out["out"] = schema::to_json(schema::type_of_documented(*known));
  if (out.empty()) return std::nullopt;
  return json::value(std::move(out));
}

}  // namespace

bool crosses(const flow::Plan& plan, std::size_t step) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const flow::Step& other) {
    return other.group != plan.steps[step].group &&
           std::any_of(other.sources.begin(), other.sources.end(),
                       [&](const flow::Source& source) { return source.step == step; });
  });
}

bool is_wanted(const flow::Plan& plan, std::size_t step) {
  return plan.only ? *plan.only == step : plan.steps[step].sink;
}

std::uint32_t preview_limit(const flow::Plan& plan, std::size_t step) {
  const auto share = static_cast<std::uint32_t>(kAllPreviews / plan.steps.size());
  const bool leaves = is_wanted(plan, step) || (plan.sandboxes.size() > 1 && crosses(plan, step));
  const flow::Control control = plan.steps[step].node.control;
  if (control == flow::Control::workflow || control == flow::Control::respond) return kOutputBytes;
  return std::min(leaves ? kOutputBytes : kPreviewBytes, share);
}

std::size_t entry_count(const flow::Plan& plan) {
  return static_cast<std::size_t>(std::count_if(plan.steps.begin(), plan.steps.end(), [](const flow::Step& step) {
    return std::none_of(step.sources.begin(), step.sources.end(),
                        [](const flow::Source& source) { return source.step.has_value(); });
  }));
}

CallRequest call_request(const flow::Plan& plan, std::size_t step, const flow::SourceList& sources,
                         const schema::Function& function, const std::optional<json::value>& input,
                         std::size_t entries) {
  const flow::Step& asked = plan.steps[step];
  flow::Binding binding = asked.is_flow() ? flow::bind_flow(asked, plan, sources, input, call_id)
                                          : flow::bind_step(asked, plan, sources, function, input, entries, call_id);
  CallRequest out;
  out.call.module = load_id(step);
  out.call.arguments = std::move(binding.arguments);
  out.call.spread = binding.spread;
  out.call.preview_bytes = preview_limit(plan, step);
  out.call.files = is_wanted(plan, step);
  out.call.types = flow::word(plan.types);
  out.call.declared = declared_types(plan.steps[step].node);
  if (asked.node.on_error != flow::OnError::stop) out.call.keep_error = asked.node.name;
  if (flow::is_loop(asked.node.control) && !crosses(plan, step)) out.call.brief = true;
  if (asked.shared && plan.parallel != flow::Parallel::off && !flow::is_loop(asked.node.control))
    out.call.several = true;
  out.origins = std::move(binding.origins);
  out.warnings = std::move(binding.warnings);
  return out;
}

}  // namespace qflow::engine
