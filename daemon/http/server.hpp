// HTTP/1.1 and WebSocket transport: connections, limits, time-outs. Beast stays in this folder's .cpp files. Runs on
// the io threads.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/http/service.hpp"

namespace qflow::http {

/// Bounds on connections. Sizes in bytes.
struct TransportLimits {
  std::uint32_t header = 16U << 10U;
  std::uint64_t bodies = 512ULL << 20U;  ///< of all current requests together
  std::chrono::seconds idle_time{120};   ///< until the first byte of a request
  std::chrono::seconds header_time{30};  ///< from the first byte to the end of the header
  std::chrono::seconds body_time{120};   ///< to send the whole body
  std::chrono::seconds write_time{60};   ///< to take a reply, or one part of a file
  unsigned connections = 10'000;
  unsigned sockets = 4'000;          ///< WebSockets among them
  std::size_t socket_queue = 1'024;  ///< messages that may wait to be sent to one client
  std::size_t socket_queue_bytes = 4U << 20U;
  std::size_t socket_message = 64U << 10U;  ///< largest message from a client
};

class Server {
 public:
  /// `service` outlives the server and its connections.
  Server(asio::io_context& io, TransportLimits limits, Service& service);
  ~Server();

  /// Binds "HOST:PORT" (port 0: any) and starts to accept. Returns the port. Throws Fault, naming the address.
  unsigned short listen(const std::string& address);
  /// Stops accepting. Requests under way are answered and their connections then closed; idle connections and
  /// WebSockets (1001) are closed at once.
  void stop();
  /// The number of open connections.
  unsigned open() const;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;  // the connections' coroutines outlive the server object at shutdown
};

}  // namespace qflow::http
