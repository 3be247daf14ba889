// `qflow backup` and `qflow restore`. Each function returns the exit status of the process; main() catches Faults.
#pragma once
#include <string>

#include "daemon/config/config.hpp"

namespace qflow::cli {

/// `qflow backup FILE`: writes records, files and, with `with_key`, the key to one file; also while a server runs.
/// An existing file is replaced only with `force`.
int backup(const config::Config& config, const std::string& file, bool with_key, bool force);
/// `qflow restore FILE`: restores into a data directory that has no database.
int restore(const config::Config& config, const std::string& file);

}  // namespace qflow::cli
