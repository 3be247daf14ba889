// A WebSocket without Beast, for code that sends events to clients.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace qflow::http {

/// An open WebSocket, as seen by code that sends to it. Any thread.
class Socket {
 public:
  virtual ~Socket() = default;
  /// Queues a text message. A client that does not read must not fill the daemon's memory: above the queue's bounds the
  /// socket is closed (1013) and further messages are dropped.
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  virtual void close(std::uint16_t code, const std::string& reason) = 0;
};

/// Callbacks for what a socket's client does. Called on the connection's strand.
struct SocketEvents {
  std::function<void(std::string)> message;
  std::function<void()> closed;  ///< called once, after all messages
};

}  // namespace qflow::http
