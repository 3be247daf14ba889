// HTTP/1.1 transport: connections, limits, time-outs. Beast stays in server.cpp. Runs on the io threads.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "daemon/async.hpp"
#include "daemon/http/router.hpp"

namespace qflow::http {

/// Bounds of one connection. Sizes in bytes.
struct Limits {
  std::uint64_t body = 16ULL << 20U;
  std::uint32_t header = 16U << 10U;
  std::chrono::seconds header_time{30};  ///< to send a request's header, and an idle connection's life
  std::chrono::seconds body_time{120};
  std::chrono::seconds write_time{60};
  unsigned connections = 10'000;
};

class Server {
 public:
  /// `authorize` says whether an Authorization header's value opens the routes that need the token.
  Server(asio::io_context& io, Limits limits, Router router, std::function<bool(std::string_view)> authorize);
  ~Server();

  /// Binds "HOST:PORT" (port 0: any) and starts to accept. Returns the port. Throws Fault that names the address.
  unsigned short listen(const std::string& address);
  /// Stops accepting; requests under way are answered and their connections closed. Idle ones are closed at once.
  void stop();
  /// Connections that are open now.
  unsigned open() const;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;  // the connections' coroutines outlive the server object at shutdown
};

}  // namespace qflow::http
