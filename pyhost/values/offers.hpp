// Which files a value hands over: a returned pathlib.Path, or a list, tuple, set or dict with them. Worker process; the
// daemon never uses a name from here as a path.
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
  std::vector<std::string> warnings;  ///< the same of values within it, and what was left out
};

/// Regular files only, each once, at most 64, in the value itself or in dicts, lists, tuples and sets within it, as far
/// as bounds allow. A Figure of matplotlib is drawn into a file first.
Offers find_files(const pybind11::object& value);

}  // namespace qflow::pyhost
