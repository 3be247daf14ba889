#include "daemon/engine/outcome_json.hpp"

#include "daemon/engine/call_request.hpp"

namespace qflow::engine {

const char* json_type(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  switch (first == std::string_view::npos ? '0' : text[first]) {
    case '{':
      return "dict";
    case '[':
      return "list";
    case '"':
      return "str";
    case 't':
    case 'f':
      return "bool";
    case 'n':
      return "NoneType";
    default:
      return text.find_first_of(".eE") == std::string_view::npos ? "int" : "float";
  }
}

json::object usage_json(const workers::Usage& usage) {
  return {{"user_us", usage.user_us},
          {"system_us", usage.system_us},
          {"peak_memory_bytes", usage.peak_memory_bytes},
          {"minor_faults", usage.minor_faults},
          {"major_faults", usage.major_faults},
          {"written_bytes", usage.written_bytes}};
}

json::object told_json(const Told& told) {
  json::object out;
  if (!told.log.empty()) out["log"] = told.log;
  if (!told.display.empty()) out["display"] = told.display;
  if (!told.execution.empty()) out["execution"] = told.execution;
  if (told.state) out["state"] = *told.state;
  return out;
}

json::array denied_json(const std::vector<sandbox::Denial>& denied) {
  json::array out;
  for (const sandbox::Denial& one : denied) {
    json::object entry{{"act", one.act}, {"reason", one.reason}, {"setting", nullptr}};
    if (!one.setting.empty()) entry["setting"] = one.setting;
    out.push_back(std::move(entry));
  }
  return out;
}

json::object sandbox_text(const workers::Sandbox& one) {
  return {{"network", sandbox::word(one.network)}, {"memory", one.limits.memory},
          {"cpu", one.limits.cpu_millis / 1000.0}, {"tmp", one.limits.tmp},
          {"processes", one.limits.processes},     {"programs", one.programs}};
}

json::array sandboxes_json(const flow::Plan& plan) {
  json::array out;
  for (std::size_t group = 0; group < plan.sandboxes.size(); ++group) {
    const workers::Sandbox& one = plan.sandboxes[group];
    json::array nodes;
    for (const flow::Step& step : plan.steps)
      if (step.group == group) nodes.push_back(json::value(step.node.name));
    json::object described = sandbox_text(one);
    described["nodes"] = std::move(nodes);
    out.push_back(std::move(described));
  }
  return out;
}

std::string outputs_json(const flow::Plan& plan, const Outcome& outcome) {
  std::string out = "{";
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_wanted(plan, i) || !outcome.steps[i].result) continue;
    if (out.size() > 1) out += ',';
    // The preview was checked to be JSON when it arrived.
    out += json::serialize(json::value(json::string(plan.steps[i].node.name))) + ":" + outcome.steps[i].result->preview;
  }
  return out + "}";
}

}  // namespace qflow::engine
