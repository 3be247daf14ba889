// What a check reports. Any thread.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/fault.hpp"

namespace qflow::check {

/// Something to report about a workflow. `error` keeps it from running, `warning` and `info` do not.
struct Finding {
  enum class Severity { error, warning, info };
  Severity severity = Severity::error;
  std::string code;     ///< incompatible_types, invalid_literal, missing_argument, missing_package, …
  std::string message;  ///< names the node and what to do
  std::string node, node_id;
  std::string pointer;    ///< JSON pointer in the workflow
  std::int32_t line = 0;  ///< in the node's code, from 1; 0: none
  json::object details;   ///< source, target, output_type, input_type, suggestions, …
};
constexpr const char* word(Finding::Severity severity) {
  return severity == Finding::Severity::error ? "error" : severity == Finding::Severity::warning ? "warning" : "info";
}
json::object to_json(const Finding& finding);
bool has_errors(const std::vector<Finding>& findings);

}  // namespace qflow::check
