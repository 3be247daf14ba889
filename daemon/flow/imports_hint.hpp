// Which packages a node's code seems to import. Stateless; any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace qflow::flow {

/// The top-level names that the import lines of `code` mention, sorted. A hint only: it chooses which packages are
/// worth importing in advance, so it is a scan of the text and may be wrong in both directions. Bounded to 16 names.
std::vector<std::string> imports_hint(std::string_view code);

}  // namespace qflow::flow
