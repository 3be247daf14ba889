// What the transport needs from the rest of the daemon. Called on the io threads, for several connections at once.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/http/message.hpp"
#include "daemon/http/socket.hpp"

namespace qflow::http {

/// Everything that the transport asks of the rest of the daemon.
class Service {
 public:
  virtual ~Service() = default;

  /// The decision made from the request head.
  struct Admission {
    std::optional<Reply> reply;  ///< sent at once; the body is not read
    std::uint64_t body_limit = 0;
    bool upgrade = false;  ///< to a WebSocket
  };
  virtual Task<Admission> admit(Request& head) = 0;
  /// Never throws.
  virtual Task<Reply> answer(const Request& request) = 0;
  /// Called when the socket of an admitted request is open.
  virtual SocketEvents open(const Request& request, std::shared_ptr<Socket> socket) = 0;
  /// Header lines of every reply, each with its line end.
  virtual std::string_view common_headers() const = 0;
  /// The Content-Security-Policy of replies that bring none.
  virtual std::string_view content_policy() const = 0;
  /// The reply for a fault that the transport itself finds.
  virtual Reply refuse(const Fault& fault) = 0;
};

}  // namespace qflow::http
