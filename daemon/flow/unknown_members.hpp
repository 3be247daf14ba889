// Members of a workflow's document that nobody reads: probably misspelt. Any thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/flow/graph.hpp"

namespace qflow::flow {

struct UnknownMember {
  std::string pointer;  ///< "/conections"
  std::string like;     ///< the member that was probably meant; empty: none is near
  /// "/conections: there is no such member; did you mean connections?"
  std::string sentence() const;
};

/// At most 50, in the document's order. Known are our members, n8n's, and what replies of this API have. Inside
/// `parameters` and `data`, which editors fill as they like, only near misses count.
std::vector<UnknownMember> unknown_members(const json::object& workflow);

}  // namespace qflow::flow
