// Workflows between the store's rows, the documents that clients send, and graphs. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

#include "daemon/flow/graph.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::services {
namespace json = boost::json;

/// Parses JSON text from the store; null when it is empty.
json::value stored_json(const std::string& text);
/// The workflow. Throws Fault(not_found), also when it is not `owner`'s. On a thread of the store.
store::Workflow own_workflow(sqlite::Db& db, const std::string& id, const std::optional<std::string>& owner);
/// An empty workflow, made now by that user.
store::Workflow fresh_workflow(const std::string& user_id);
/// Takes the members of `body` into `workflow`; members that are not ours are kept as they are. Throws
/// Fault(bad_input).
void take_workflow(const json::object& body, store::Workflow& workflow);
/// A workflow of one node with this code. Throws Fault(bad_input).
flow::Graph graph_of_code(const std::string& code);
/// The tags that a body names by id, name or {id}; nothing when it has no `tags`. Throws Fault(bad_input).
std::optional<std::vector<std::string>> tags_in(const json::object& body);
/// {name, nodes, connections, settings, python_version}: a stored workflow as flow::read_workflow() takes it.
json::object document_of(const store::Workflow& workflow);
/// The same, with the members beside it that are probably misspelt ones of ours, for a check to name.
json::object document_with_misspelt(const store::Workflow& w);
/// The same as text, without parsing anything.
std::string document_text(const store::Workflow& workflow);
/// Throws Fault(bad_input) with the pointer of what cannot be read: an unknown node in connections, a wrong type.
/// Errors that only show when it runs (cycles, missing code) are refused when it is executed, because an editor saves
/// unfinished work.
flow::Graph graph_of(const store::Workflow& workflow);

}  // namespace qflow::services
