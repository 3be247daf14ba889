// Tags of workflows and of library nodes. Everybody sees them; a tag belongs to the user who made it. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/tag_rows.hpp"

namespace qflow::services {

/// Absent members stay; a new tag has a name.
struct TagDraft {
  std::optional<std::string> name, description, color;
};

Task<std::vector<store::Tag>> list_tags(Services& services, store::Tagged what);
/// Throws Fault(conflict) when the name is taken.
Task<store::Tag> create_tag(Services& services, const auth::Caller& caller, store::Tagged what, TagDraft draft);
/// Throws Fault: not_found; forbidden for somebody else's; conflict.
Task<store::Tag> change_tag(Services& services, const auth::Caller& caller, store::Tagged what, std::string id,
                            TagDraft draft);
Task<> delete_tag(Services& services, const auth::Caller& caller, store::Tagged what, std::string id);

}  // namespace qflow::services
