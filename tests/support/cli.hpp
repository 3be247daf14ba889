// `qflow` as a process, with a directory for flows and its own data directory.
#pragma once
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

namespace qflow::test {

inline bool has(const std::string& where, const std::string& what) { return where.find(what) != std::string::npos; }

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

}  // namespace qflow::test
