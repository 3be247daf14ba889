// A plain HTTP/1.1 client on sockets, and a real daemon to talk to. Blocking; each connection belongs to one thread.
#pragma once
#include <boost/json/value.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace qflow::test {
namespace json = boost::json;

struct Answer {
  int status = 0;  ///< 0: the connection ended without an answer
  std::string headers, body;
  json::value parsed() const;
  const json::value& operator[](const char* name) const;
  /// A header's value; empty when absent.
  std::string header(const std::string& name) const;

 private:
  mutable std::optional<json::value> cache_;
};

/// One keep-alive connection to 127.0.0.1.
class Connection {
 public:
  explicit Connection(unsigned short port);
  /// Sends a whole request and reads the whole answer.
  Answer call(const std::string& method, const std::string& target, const std::string& body = {},
              const std::string& headers = {});
  /// Sends bytes as they are.
  bool send(std::string_view bytes);
  /// Reads one answer.
  Answer receive(bool head = false);
  bool connect();
  /// Announces that no more is sent; answers can still be received.
  void finish_sending();

 private:
  unsigned short port_;
  sandbox::UniqueFd socket_;
  std::string buffer_;
};

/// The password of every user that a test creates.
inline constexpr const char* kPassword = "Passw0rd-of-tests";

/// `qflow serve` on a free port with its own data directory, without rate limits; the owner is signed in. With
/// QFLOW_TEST_SERVER=PORT:TOKEN in the environment, the server already running on that port, whatever the arguments:
/// packaging/vm-test runs the tests against a service.
class Daemon {
 public:
  explicit Daemon(std::vector<std::string> arguments = {}, Program::Options options = {},
                  std::shared_ptr<TempDir> directory = nullptr);
  /// Throws when the answer is not what schema/openapi.yaml says.
  Answer call(const std::string& method, const std::string& path, const json::value& body = nullptr);
  /// As call(), with the body as it is and more header lines.
  Answer send(const std::string& method, const std::string& path, const std::string& body = {},
              const std::string& headers = {});
  Answer get(const std::string& path) { return call("GET", path); }
  Answer post(const std::string& path, const json::value& body = json::object()) { return call("POST", path, body); }
  /// Stores a workflow and returns its id.
  std::string store(const json::value& workflow);
  /// Stores a workflow and runs it to its end; returns the finished execution.
  Answer run(const json::value& workflow, const json::value& input = nullptr);
  /// POST /nodes/python/execute.
  Answer node(const std::string& code, const json::value& input = nullptr, json::object more = {});
  /// The same daemon over a separate connection, for another thread.
  Daemon apart() const;
  unsigned short port() const { return port_; }
  const std::string& token() const { return token_; }
  std::string authorization() const { return headers_; }
  const std::shared_ptr<TempDir>& directory() const { return directory_; }
  Program& program() { return *program_; }
  /// Process ids of the first zygote (below its monitor and its namespace's init) and of its workers, as the host sees
  /// them.
  std::string zygote() const;
  std::vector<std::string> workers() const;
  const std::string& start_line() const { return start_line_; }
  /// The token that the daemon printed for creating the owner; empty when there are users already.
  const std::string& setup_token() const { return setup_token_; }
  /// Creates a user; returns the same daemon, called as that user over a separate connection.
  Daemon as_user(const std::string& email, const std::string& role = "user");
  /// The same daemon, called with these header lines (or none) instead of the owner's token.
  Daemon with_headers(const std::string& headers) const;

 private:
  struct Apart {};
  explicit Daemon(Apart) {}
  std::shared_ptr<TempDir> directory_;
  std::shared_ptr<Program> program_;
  std::string start_line_;
  unsigned short port_ = 0;
  std::string token_, headers_, setup_token_;
  void sign_in(const std::string& email);
  std::unique_ptr<Connection> connection_;
};

/// The characters of a JSON string; anything else as JSON.
std::string text(const json::value& value);
/// The code of an error, such as "missing_node", and its message.
std::string error_code(const Answer& answer);
std::string error_message(const Answer& answer);
/// A workflow of one node that greets.
json::object greeting(const char* name = "greeting");
/// A node as the workflow lists it.
json::object node(const std::string& id, const std::string& code, json::object more = {});
/// A workflow of nodes in a row, or with edges given as {"a", "b"} pairs.
json::object chain(std::vector<json::object> nodes);
json::object flow(std::vector<json::object> nodes, std::vector<std::pair<std::string, std::string>> edges);

}  // namespace qflow::test
