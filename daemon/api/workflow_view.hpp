// Workflows between the store, the API and the engine. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include "daemon/engine/graph.hpp"
#include "daemon/store/workflows.hpp"

namespace qflow::api {
namespace json = boost::json;

/// JSON text that the store holds; null when it is empty.
json::value stored_json(const std::string& text);
/// As the documents show it, with what a client stored beside it; `tags` are its tags.
json::object workflow_view(const store::Workflow& workflow, const std::vector<store::Tag>& tags);
/// An empty one, made now by that user.
store::Workflow fresh_workflow(const std::string& user_id);
/// Takes what `body` has into `workflow`; members that are none of ours are kept as they are. Throws Fault(bad_input).
void take_workflow(const json::object& body, store::Workflow& workflow);
/// The tags that a body names by id, name or {id}; nothing when it has no `tags`. Throws Fault(bad_input).
std::optional<std::vector<std::string>> tags_in(const json::object& body);
/// Throws Fault(bad_input) with the pointer of what cannot be read: an unknown node in connections, a wrong type. What
/// only shows when it runs (cycles, missing code) is refused when it is executed, because an editor saves unfinished
/// work.
engine::Graph graph_of(const store::Workflow& workflow);
json::object tag_view(const store::Tag& tag);

}  // namespace qflow::api
