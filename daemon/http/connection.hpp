// What the transport's .cpp files share. Includes Beast: nobody else may include this.
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

/// One accepted connection. Lives on its strand; `state` is read by others.
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
  Shared(asio::io_context& context, Limits l, Application& a)
      : io(context), limits(l), application(a), acceptor(asio::make_strand(context)) {}
  asio::io_context& io;
  Limits limits;
  Application& application;
  tcp::acceptor acceptor;
  asio::thread_pool files{1};  ///< reads the files that replies send
  std::atomic<bool> stopping{false};
  std::atomic<unsigned> open{0};
  std::atomic<unsigned> sockets{0};
  std::atomic<std::uint64_t> body_bytes{0};
  std::mutex mutex;
  std::list<std::shared_ptr<Connection>> connections;  ///< in the order they came; shared with their coroutines
  std::list<std::weak_ptr<Socket>> open_sockets;
};

/// Serves requests until the connection ends.
Task<> serve_connection(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection);

using Parser = bhttp::request_parser<bhttp::string_body>;
/// Answers the upgrade and carries messages until the socket is closed. False: there is no room for another one, and
/// nothing was answered.
Task<bool> serve_socket(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection, Parser& parser,
                        const Request& request);

}  // namespace qflow::http
