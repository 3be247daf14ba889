// A server that the command line talks to: where it is, with which key. One thread.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow::cli {
namespace json = boost::json;

/// Where `qflow login` signed in, in $XDG_CONFIG_HOME/qflow/client.json or ~/.config/qflow/client.json, which only its
/// owner can read. $QFLOW_SERVER and $QFLOW_KEY come before it.
struct SignedIn {
  std::string server;  ///< "http://127.0.0.1:8000"
  std::string key;     ///< an API key; empty: none
};
/// `server`: from the command line; empty: as above, or http://127.0.0.1:8000. The key of `qflow login` is only for the
/// server that it was made for.
SignedIn signed_in(const std::string& server);
/// Replaces the file. Throws Fault when it cannot be written.
void remember(const SignedIn& who);

/// Calls the API. Throws Fault with the server's own message; unavailable when it cannot be reached, unauthorized with
/// what to do.
class Remote {
 public:
  explicit Remote(SignedIn who) : who_(std::move(who)) {}
  json::value call(const std::string& method, const std::string& path, const json::value& body = nullptr) const;
  const std::string& server() const { return who_.server; }

 private:
  SignedIn who_;
};

}  // namespace qflow::cli
