// What `qflow run` says of an execution that has ended: for people, or as one JSON object. One thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/engine/order.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/store/store.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::cli {
namespace json = boost::json;

/// Where files of an execution go: `chosen`, or DATA/files/EXECUTION when that is empty.
std::string files_directory(const store::Store& store, const std::string& id, const std::string& chosen);

/// Copies the files that nodes handed over to `directory`, under the names that they are kept by. Copies, because
/// changing them must not change the blobs. Throws Fault when one cannot be written. Returns {filename, path, size,
/// sha256, mime_type, output_of} of each.
json::array place_files(const store::Store& store, const std::vector<store::File>& files, const std::string& directory);

class RunReport {
 public:
  RunReport(const engine::Order& order, const flow::Plan& plan, const engine::Outcome& outcome, int isolation_level,
            json::array files);
  /// Outputs on standard output, the error on standard error.
  void print() const;
  void print_json() const;
  const json::object& json() const { return report_; }

 private:
  void print_output(const std::string& name, const json::value& value) const;
  json::object report_;
  std::map<std::string, std::string> cut_;  ///< node name → where all of its value is, or why there is only a part
};

}  // namespace qflow::cli
