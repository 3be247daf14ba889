// Which files a value hands over: a returned pathlib.Path, or a list, tuple or dict of them. Worker process; the daemon
// never uses a name from here as a path.
#pragma once
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The files a value refers to: the offers sent to the daemon, and their paths, in the same order.
struct Offers {
  std::vector<schema::FileOffer> files;
  std::vector<std::string> paths;
  std::string problem;  ///< a path in the node's own directories that is no file, and why: of the value itself
  std::vector<std::string> warnings;  ///< the same of values one level down
};

/// Regular files only, at most 64, in the value itself or one level down. A Figure of matplotlib is drawn into a file
/// first.
Offers find_files(const pybind11::object& value);

}  // namespace qflow::pyhost
