// Which data directory a command that administers an installation works on, and as whom. One thread.
#pragma once
#include <string>

#include "daemon/config/config.hpp"

namespace qflow::cli {

/// Where nothing names a data directory, and the service's user `qflow` exists: root works on the service's (that
/// user's home directory), unless there is a database in root's own. Anybody else works on their own. Where that may
/// not be meant, a note on standard error says where the service's is.
void find_installation(config::Config& config);
/// Started by root: from here on this process is the owner of `directory`, so that what it writes belongs to the
/// service. Makes the service's directory if it is missing. Irreversible; does nothing for others, and for a directory
/// of root's. Throws SysError.
void become_owner(const std::string& directory);

}  // namespace qflow::cli
