// Shared by the transport's .cpp files. Includes Beast: no other file may include this header.
#pragma once
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <mutex>

#include "daemon/http/server.hpp"

namespace qflow::http {
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using tcp = asio::ip::tcp;

/// One accepted connection. Used on its strand; `state` is also read by other threads.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  enum class State { fresh, idle, busy, evicted };  ///< fresh: no request yet
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  std::string peer;
  std::atomic<State> state{State::fresh};
  bool upgraded = false;  ///< the stream has moved into a WebSocket
  std::list<std::shared_ptr<Connection>>::iterator place;
};

struct Server::Shared {
  Shared(asio::io_context& context, TransportLimits l, Service& s)
      : io(context), limits(l), service(s), acceptor(asio::make_strand(context)) {}
  asio::io_context& io;
  TransportLimits limits;
  Service& service;
  tcp::acceptor acceptor;
  asio::thread_pool files{1};  ///< reads the files that replies send
  std::atomic<bool> stopping{false};
  std::atomic<unsigned> open{0};
  std::atomic<unsigned> sockets{0};
  std::atomic<std::uint64_t> body_bytes{0};
  std::mutex mutex;
  std::list<std::shared_ptr<Connection>> connections;  ///< in order of arrival; shared with their coroutines
  std::list<std::weak_ptr<Socket>> open_sockets;
};

/// Serves requests until the connection ends.
Task<> serve_connection(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection);

}  // namespace qflow::http
