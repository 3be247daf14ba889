// Commands that talk to a server (`login`, `push`, `pull`, `list`, `open`), and those that show a record, of this
// machine or of the server (`show`, `logs`). Each returns the exit status of the process; main() catches Faults.
#pragma once
#include <string>

#include "daemon/config/config.hpp"

namespace qflow::cli {

struct RemoteOptions {
  std::string server;  ///< empty: see signed_in()
  std::string flow, id, email;
  bool json = false, timeline = false, follow = false, force = false, password_stdin = false, key_stdin = false;
};
/// Makes an API key with an account's password, or takes one, and remembers it with the server.
int login(const RemoteOptions& options);
/// Stores a flow with all it needs; the workflow of the same name is changed. Prints the findings.
int push(const RemoteOptions& options);
int pull(const RemoteOptions& options);
int list(const RemoteOptions& options);
int open(const RemoteOptions& options);
/// From the data directory if it has the execution, otherwise from the server.
int show(const config::Config& config, const RemoteOptions& options);
int logs(const config::Config& config, const RemoteOptions& options);

}  // namespace qflow::cli
