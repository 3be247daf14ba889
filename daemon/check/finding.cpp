#include "daemon/check/finding.hpp"

#include <algorithm>

namespace qflow::check {

bool has_errors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& one) { return one.severity == Finding::Severity::error; });
}

json::object to_json(const Finding& f) {
  json::object out{{"severity", word(f.severity)}, {"code", f.code},       {"message", f.message}, {"node", nullptr},
                   {"node_id", nullptr},           {"pointer", f.pointer}, {"line", nullptr}};
  if (!f.node.empty()) out["node"] = f.node;
  if (!f.node_id.empty()) out["node_id"] = f.node_id;
  if (f.line > 0) out["line"] = f.line;
  for (const auto& [key, value] : f.details) out[key] = value;
  return out;
}

}  // namespace qflow::check
