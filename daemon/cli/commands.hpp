// The commands of `qflow`. Each returns the process's exit status; Faults are caught in main().
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/runtime.hpp"

namespace qflow::cli {

struct RunOptions {
  std::string flow;
  std::vector<std::string> inputs;  ///< NAME=VALUE, NAME=@FILE
  std::string input_file;
  std::optional<std::string> node;
  std::optional<std::string> python;
  bool json = false;
  bool quiet = false;
};
/// Runs one workflow in this process, without a server. 0, 1 (a node failed), 2 (bad input), 130 (interrupted).
int run(const config::Config& config, const RunOptions& options);

struct CheckOptions {
  std::string flow;
  std::optional<std::string> python;
  bool json = false;
  bool strict = false;
};
/// Prints the errors and warnings of a workflow without running it. 0, 1 (errors), 2 (unreadable).
int check(const config::Config& config, const CheckOptions& options);

/// Serves HTTP until SIGTERM or SIGINT. `reload` builds the configuration again, on SIGHUP.
int serve(const config::Config& config, std::function<config::Config()> reload);

/// Prints this host's sandbox mechanisms, or with `policy` what a node may do. 1 when code would be refused.
int doctor(const config::Config& config, bool json, bool policy);

struct UserOptions {
  std::string email, role, first_name, last_name;
  bool password_stdin = false;
};
/// `qflow user add`: the first user is the owner. Reads the password from standard input or the terminal.
int user_add(const config::Config& config, const UserOptions& options);
int user_list(const config::Config& config, bool json);
int user_passwd(const config::Config& config, const UserOptions& options);

struct TokenOptions {
  std::string name, user, id;  ///< user: an e-mail address; empty: the owner
  std::vector<std::string> scopes;
  double days = 0;  ///< 0: never expires
};
/// `qflow token create`: prints the key, once.
int token_create(const config::Config& config, const TokenOptions& options);
int token_list(const config::Config& config, bool json);
int token_revoke(const config::Config& config, const TokenOptions& options);

/// `qflow backup FILE`: writes records, files and, with `with_key`, the key to one file; also while a server runs.
int backup(const config::Config& config, const std::string& file, bool with_key);
/// `qflow restore FILE`: restores into a data directory that has no database.
int restore(const config::Config& config, const std::string& file);

}  // namespace qflow::cli
