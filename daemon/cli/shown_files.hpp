// What nodes have shown (`qflow.display`), as files beside those that they handed over. One thread.
#pragma once
#include <boost/json/array.hpp>

#include <string>
#include <vector>

#include "daemon/store/execution_rows.hpp"

namespace qflow::cli {
namespace json = boost::json;

/// Something that was shown, in the form that says most: a picture, else a page, else JSON. What is only text is none.
struct ShownFile {
  std::string node_id, filename, bytes, mime_type;
};

/// Of all runs of all nodes, in their order.
std::vector<ShownFile> shown_files(const std::vector<store::NodeExecution>& nodes);

/// Writes them to `directory`, which is made when it is not there. Throws Fault when one cannot be written. Returns
/// {filename, path, size, sha256, mime_type, output_of, shown_by} of each.
json::array place_shown(const std::vector<ShownFile>& files, const std::string& directory);

}  // namespace qflow::cli
