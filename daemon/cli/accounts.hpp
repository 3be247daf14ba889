// `qflow user` and `qflow token`. Each function returns the exit status of the process; main() catches Faults.
#pragma once
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace qflow::cli {

struct UserOptions {
  std::string email, role, first_name, last_name;
  bool password_stdin = false;
};
/// `qflow user add`: the first user is the owner. Reads the password from standard input or the terminal.
int user_add(const config::Config& config, const UserOptions& options);
int user_list(const config::Config& config, bool json);
int user_passwd(const config::Config& config, const UserOptions& options);
/// `qflow user role EMAIL ROLE`: admin or user; the owner stays.
int user_role(const config::Config& config, const UserOptions& options);
/// `qflow user delete EMAIL`: what they own passes to the owner, workflows deactivated.
int user_delete(const config::Config& config, const UserOptions& options);

struct TokenOptions {
  std::string name, user, id;  ///< user: an e-mail address; empty: the owner
  std::vector<std::string> scopes;
  double days = 0;  ///< 0: never expires
};
/// `qflow token create`: prints the key, once.
int token_create(const config::Config& config, const TokenOptions& options);
int token_list(const config::Config& config, bool json);
int token_revoke(const config::Config& config, const TokenOptions& options);

}  // namespace qflow::cli
