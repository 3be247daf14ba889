// Modules beside the nodes: code that nodes import by its own name (`import helpers`). Worker process.
#pragma once
#include <string>

namespace qflow::pyhost {

/// From now on, `import NAME` finds this source; it runs when it is first imported. "pkg" is a package as soon as there
/// is a "pkg.part". Comes before whatever is installed under that name. Throws error_already_set when out of memory.
void add_helper_module(const std::string& name, const std::string& source);

}  // namespace qflow::pyhost
