// What the transport serves: everything it asks of the rest of the daemon. Called on the io threads, of several
// connections at once.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/async.hpp"
#include "daemon/http/message.hpp"

namespace qflow::http {

/// An open WebSocket, as those see it who have something to say. Any thread.
class Socket {
 public:
  virtual ~Socket() = default;
  /// Queues a text message. A client that does not read loses its connection, not the daemon its memory: above the
  /// queue's bounds the socket is closed (1013) and further messages are dropped.
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  virtual void close(std::uint16_t code, const std::string& reason) = 0;
};

/// What an opened socket's client causes. Called on the connection's strand.
struct SocketEvents {
  std::function<void(std::string)> message;
  std::function<void()> closed;  ///< once, the last call
};

class Application {
 public:
  virtual ~Application() = default;

  /// What is said of a request when only its head is known.
  struct Admission {
    std::optional<Reply> reply;  ///< sent at once; the body is not read
    std::uint64_t body_limit = 0;
    bool upgrade = false;  ///< to a WebSocket
  };
  virtual Task<Admission> admit(Request& head) = 0;
  /// Never throws.
  virtual Task<Reply> answer(const Request& request) = 0;
  /// A socket for an admitted request is open.
  virtual SocketEvents open(const Request& request, std::shared_ptr<Socket> socket) = 0;
  /// Lines of every reply's head, each with its line end.
  virtual std::string_view common_headers() const = 0;
  /// A request could not be read: what its client is told.
  virtual Reply refuse(const Fault& fault) = 0;
};

}  // namespace qflow::http
