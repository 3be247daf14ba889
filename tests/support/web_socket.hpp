// A WebSocket client (RFC 6455) on a blocking connection: enough to read events and to send good and bad frames.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>

#include "sandbox/sys.hpp"

namespace qflow::test {

class WebSocket {
 public:
  /// Connects to 127.0.0.1 and asks for the upgrade; status() has the answer's status.
  WebSocket(unsigned short port, const std::string& target, const std::string& headers = {});
  int status() const { return status_; }

  /// The next text message, or nothing when the socket was closed, or after `patience` milliseconds.
  std::optional<std::string> receive(int patience = 10'000);
  /// The next message of this "type", as JSON; skips all others. Null when none comes.
  boost::json::value next(const std::string& type, int patience = 10'000);
  /// A masked text frame.
  void send(const std::string& text);
  void send_raw(const std::string& bytes);
  /// The code with which the server closed the socket; 0 before that.
  int close_code() const { return close_code_; }

 private:
  bool fill(std::size_t size, int patience);
  sandbox::UniqueFd socket_;
  std::string buffer_;
  int status_ = 0;
  int close_code_ = 0;
};

}  // namespace qflow::test
