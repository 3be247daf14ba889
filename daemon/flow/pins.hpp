// Values given to nodes instead of running them: pinned data, and what an earlier execution has recorded. Any thread.
#pragma once
#include <map>
#include <set>
#include <string>

#include "daemon/base/members.hpp"
#include "daemon/flow/plan.hpp"

namespace qflow::flow {

/// By the name of the node.
using Pins = std::map<std::string, json::value>;

/// What an editor pins: {node name: value}, where n8n's items, [{"json": …}, …], stand for the value that they show:
/// one item for itself, several for a list, {"value": x} for x.
Pins read_pins(const json::object& pin_data);
/// The value that n8n's items stand for.
json::value value_of_items(const json::array& items);

/// The pins as JSON texts by the plan's steps; those of nodes that the plan leaves out do nothing. Throws
/// Fault(bad_input) for a node that the graph does not have, for one of flow, whose output a value does not choose, and
/// for values of more than 8 MiB, or 48 MiB together.
std::map<std::size_t, std::string> pins_of(const Graph& graph, const Plan& plan, const Pins& pins);

/// `names` and all nodes that take values from them, directly or not.
std::set<std::string> with_followers(const Graph& graph, const std::set<std::string>& names);

}  // namespace qflow::flow
