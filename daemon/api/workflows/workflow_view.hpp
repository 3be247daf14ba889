// Workflows, tags and folders as the API shows them. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include <vector>

#include "daemon/store/folder_rows.hpp"
#include "daemon/store/tag_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::api {
namespace json = boost::json;

/// All of a workflow, with whatever a client stored beside it; `tags` are its tags. A row whose JSON a list had no room
/// for has `left_out`: {bytes, get}, where `get` is the path that has it.
json::object workflow_view(const store::Workflow& workflow, const std::vector<store::Tag>& tags);
json::object tag_view(const store::Tag& tag);
json::object folder_view(const store::Folder& folder);

}  // namespace qflow::api
