// The node library and the types that users define. Functions that write take the transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// A node of the library. `dependencies`, `input_types`, `output_types` are JSON texts; times in microseconds.
struct PythonNode {
  std::string id, name, description, code, main_function, python_version;
  std::string dependencies = "[]", input_types = "{}", output_types = "{}";
  bool is_template = false, is_public = false, is_converter = false;
  std::optional<std::string> created_by;
  std::int64_t version = 1, created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(PythonNode, (),
                      (id, name, description, code, main_function, python_version, dependencies, input_types,
                       output_types, is_template, is_public, is_converter, created_by, version, created_at, updated_at))

struct PythonNodeVersion {
  std::string node_id;
  std::int64_t version = 0;
  std::string code, main_function, input_types, output_types, dependencies;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(PythonNodeVersion, (),
                      (node_id, version, code, main_function, input_types, output_types, dependencies, created_at))

/// Also stores it as a version.
void insert_python_node(sqlite::Tx& tx, const PythonNode& node);
/// Increments `version` and stores that version when what the node does has changed.
void update_python_node(sqlite::Tx& tx, const PythonNode& node);
bool delete_python_node(sqlite::Tx& tx, const std::string& id);
/// `owner`: only their nodes and public nodes; nothing: all.
std::optional<PythonNode> find_python_node(sqlite::Db& db, const std::string& id,
                                           const std::optional<std::string>& owner);
struct PythonNodeQuery {
  std::optional<std::string> owner, tag_id;
  std::string text;  ///< in name or description
  std::int64_t skip = 0, take = 50;
};
std::vector<PythonNode> list_python_nodes(sqlite::Db& db, const PythonNodeQuery& query, std::int64_t& count);
/// The converters that `owner` sees; at most 500.
std::vector<PythonNode> list_converters(sqlite::Db& db, const std::optional<std::string>& owner);
/// The newest 200, without their code.
std::vector<PythonNodeVersion> node_versions(sqlite::Db& db, const std::string& id);
std::optional<PythonNodeVersion> find_node_version(sqlite::Db& db, const std::string& id, std::int64_t version);

/// A type that a user defined. `definition` is JSON text.
struct CustomTypeRow {
  std::string id, name, category = "custom", python_type = "object", description, definition = "{}";
  std::optional<std::string> created_by;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(CustomTypeRow, (),
                      (id, name, category, python_type, description, definition, created_by, created_at, updated_at))
/// Throws Fault(conflict) when the name is taken, the user has 500 already, or their definitions take more than 1 MiB.
void insert_type(sqlite::Tx& tx, const CustomTypeRow& type);
void update_type(sqlite::Tx& tx, const CustomTypeRow& type);
bool delete_type(sqlite::Tx& tx, const std::string& id);
std::optional<CustomTypeRow> find_type(sqlite::Db& db, const std::string& id_or_name);
std::vector<CustomTypeRow> list_types(sqlite::Db& db);

}  // namespace qflow::store
