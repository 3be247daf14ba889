// `qflow` as a process, with a directory for flows and its own data directory.
#pragma once
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

namespace qflow::test {

struct Cli {
  TempDir directory;
  Finished operator()(std::vector<std::string> arguments, Program::Options options = {}) const {
    arguments.insert(arguments.begin(), bin("qflow"));
    options.environment["QFLOW_DATA_DIR"] = directory.path() + "/data";
    return run(arguments, options);
  }
  std::string flow(const json::value& value) const { return directory.file("flow.json", json::serialize(value)); }
  /// `qflow run --json` of a flow, parsed.
  json::value json_of(const json::value& value, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"run", flow(value), "--json"});
    return json::parse((*this)(arguments).out);
  }
};

/// The node of that name in a report of `qflow run --json`. std::runtime_error when there is none.
inline const json::object& node_in(const json::value& report, const std::string& name) {
  for (const json::value& one : report.at("nodes").as_array())
    if (text(one.at("name")) == name) return one.as_object();
  throw std::runtime_error("no node " + name + " in " + json::serialize(report));
}

}  // namespace qflow::test
