// Nodes of the library: who sees them and who may change them, the types that their code says, what a converter must
// be. A change is one transaction against the row that it began with. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/node_trial.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/store/tag_rows.hpp"

namespace qflow::services {

/// What a client sends to be saved; absent members stay, or get their defaults in a new node.
struct NodeDraft {
  std::optional<std::string> name, description, code, main_function, python_version;
  std::optional<std::vector<std::string>> dependencies;
  std::optional<json::object> input_types, output_types;
  std::optional<bool> is_template, is_public, is_converter;
  std::optional<std::vector<std::string>> tags;  ///< ids or names
};

struct TaggedNode {
  store::PythonNode node;
  std::vector<store::Tag> tags;
};

/// A page of the nodes that the caller sees: their own, public ones, for admins all; with their code.
Task<std::vector<TaggedNode>> list_library_nodes(Services& services, const auth::Caller& caller,
                                                 store::PythonNodeQuery query);
/// Throws Fault(not_found) for what the caller does not see.
Task<TaggedNode> find_library_node(Services& services, const auth::Caller& caller, std::string id);
/// The newest 200 versions, without their code, and one whole. Throw Fault(not_found), as above.
Task<std::vector<store::PythonNodeVersion>> library_node_versions(Services& services, const auth::Caller& caller,
                                                                  std::string id);
Task<store::PythonNodeVersion> find_library_node_version(Services& services, const auth::Caller& caller, std::string id,
                                                         std::int64_t version);

/// Types that the draft does not name are taken from the code's own functions; code that does not load is kept as it
/// is, because people save unfinished work. Throws Fault: bad_input for a converter that converts nothing, for more
/// than 500 dependencies or 64 KiB of types.
Task<TaggedNode> create_library_node(Services& services, const auth::Caller& caller, NodeDraft draft);
/// As create_library_node(). Throws also Fault: not_found; forbidden when the caller sees the node but did not make it;
/// conflict when others change it at the same time, again and again.
Task<TaggedNode> change_library_node(Services& services, const auth::Caller& caller, std::string id, NodeDraft draft);
/// Throws Fault: not_found, forbidden.
Task<> delete_library_node(Services& services, const auth::Caller& caller, std::string id);

/// The live functions of a node.
Task<DescribedNode> describe_library_node(Services& services, const auth::Caller& caller,
                                          const store::PythonNode& node);
/// Runs a node; `given` may have input_data, timeout, memory and sandbox. Nothing is recorded.
Task<engine::Outcome> try_library_node(Services& services, const auth::Caller& caller, std::string id,
                                       json::object given);

}  // namespace qflow::services
