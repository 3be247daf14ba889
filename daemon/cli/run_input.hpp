// The input of `qflow run` and `qflow run --input-file`. One thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/watched_files.hpp"
#include "daemon/flow/inputs.hpp"

namespace qflow::cli {

struct RunInput {
  std::optional<flow::json::value> value;
  flow::InputRules rules = flow::InputRules::whole;
  std::shared_ptr<const flow::GivenInputs> given;  ///< what was given by name; null: nothing
};

/// `named`: NAME=VALUE, where VALUE is JSON or text as the parameter's type asks, or NAME=@FILE (@-: standard input).
/// `file`: a JSON file with the whole input; empty: none. `watched`, where given, learns of every file before it is
/// read. Throws Fault(bad_input).
RunInput read_input(const std::vector<std::string>& named, const std::string& file, WatchedFiles* watched = nullptr);

}  // namespace qflow::cli
