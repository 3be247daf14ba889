// The types of nodes of flow, with what a form needs of each (README.md, "Nodes of flow"). Any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// A parameter of a node type, for forms.
struct ControlParameter {
  std::string name;
  std::string type;  ///< expression, string, number, boolean, options, list or object
  std::string description;
  json::value initial;               ///< its default; null: none
  std::vector<std::string> options;  ///< of `options`
  bool required = false;
};
/// A type of nodes of flow.
struct ControlType {
  std::string type, display_name, description;
  Control control = Control::none;
  std::vector<ControlParameter> parameters;
  std::vector<std::string> inputs, outputs;  ///< names; of a switch, its outputs follow from its rules
};
const std::vector<ControlType>& control_types();
/// Null: it is not a node of flow.
const ControlType* find_control_type(std::string_view type);
/// none: it is not a node of flow.
Control control_of(std::string_view type);
/// Of a node of flow.
const ControlType& type_of(const Node& node);
std::vector<std::string> names_of(const ControlType& type);  ///< of its parameters

}  // namespace qflow::flow
