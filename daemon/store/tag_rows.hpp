// Tags of workflows and of library nodes. Functions that write take the transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// Tags of workflows and of the node library have the same shape.
struct Tag {
  std::string id, name, description, color;
  std::optional<std::string> created_by;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(Tag, (), (id, name, description, color, created_by, created_at, updated_at))
enum class Tagged { workflows, nodes };
/// Throws Fault(conflict) when the name is taken.
void insert_tag(sqlite::Tx& tx, Tagged what, const Tag& tag);
bool update_tag(sqlite::Tx& tx, Tagged what, const Tag& tag);
bool delete_tag(sqlite::Tx& tx, Tagged what, const std::string& id);
std::optional<Tag> find_tag(sqlite::Db& db, Tagged what, const std::string& id_or_name);
std::vector<Tag> list_tags(sqlite::Db& db, Tagged what);
std::vector<Tag> tags_of(sqlite::Db& db, Tagged what, const std::string& row_id);
/// Replaces all tags of a row, given by id or name. Throws Fault(bad_input) that names a missing tag.
void set_tags(sqlite::Tx& tx, Tagged what, const std::string& row_id, const std::vector<std::string>& tags);

}  // namespace qflow::store
