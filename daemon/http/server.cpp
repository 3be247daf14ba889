#include "daemon/http/server.hpp"

#include <fmt/format.h>

#include "daemon/base/address.hpp"
#include "daemon/http/connection.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::http {
namespace {

// Ends the wait of one idle connection, on its own strand, if it is still idle by then.
void close_idle(const std::shared_ptr<Connection>& connection, Connection::State seen) {
  asio::post(connection->stream.get_executor(), [connection, seen] {
    Connection::State expected = seen;
    if (connection->state.compare_exchange_strong(expected, Connection::State::evicted)) connection->stream.cancel();
  });
}

// Clients that hold connections without sending anything must not keep others out.
void make_room(Server::Shared& shared) {
  const std::lock_guard lock(shared.mutex);
  for (const auto& connection : shared.connections)
    if (connection->state == Connection::State::fresh) return close_idle(connection, Connection::State::fresh);
  for (const auto& connection : shared.connections)
    if (connection->state == Connection::State::idle) return close_idle(connection, Connection::State::idle);
}

Task<> serve_and_forget(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection) {
  try {
    co_await serve_connection(shared, connection);
  } catch (const std::exception& error) {
    log::warning("http", "a connection ended", {{"peer", connection->peer}, {"reason", error.what()}});
  }
  if (!connection->upgraded) {
    boost::system::error_code ignored;
    connection->stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
    connection->stream.close();
  }
  {
    const std::lock_guard lock(shared->mutex);
    shared->connections.erase(connection->place);
  }
  --shared->open;
}

void take(const std::shared_ptr<Server::Shared>& shared, tcp::socket socket) {
  ++shared->open;
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const auto connection = std::make_shared<Connection>(std::move(socket));
  connection->peer = connection->stream.socket().remote_endpoint(ignored).address().to_string();
  {
    const std::lock_guard lock(shared->mutex);
    connection->place = shared->connections.insert(shared->connections.end(), connection);
  }
  asio::co_spawn(connection->stream.get_executor(), serve_and_forget(shared, connection), asio::detached);
}

Task<> accept_loop(std::shared_ptr<Server::Shared> shared) {
  // Connections accepted above the limit until the evicted connections are gone.
  constexpr unsigned kOverlap = 64;
  while (!shared->stopping) {
    boost::system::error_code error;
    tcp::socket socket(asio::make_strand(shared->io));
    co_await shared->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (shared->stopping) break;
    if (error) {
      // Descriptors run out here first; closing an idle connection frees one.
      log::warning("http", "accept failed", {{"reason", error.message()}});
      make_room(*shared);
      co_await sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    if (shared->open >= shared->limits.connections) make_room(*shared);
    if (shared->open >= shared->limits.connections + kOverlap) {
      socket.close(error);
      co_await sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    take(shared, std::move(socket));
  }
}

}  // namespace

Server::Server(asio::io_context& io, TransportLimits limits, Service& service)
    : shared_(std::make_shared<Shared>(io, limits, service)) {}
Server::~Server() { stop(); }

unsigned short Server::listen(const std::string& address) {
  const auto [host, port] = split_address(address);
  boost::system::error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(host), port);
  auto& acceptor = shared_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw Fault(FaultKind::unavailable, "listen", fmt::format("cannot listen on {}: {}", address, error.message()));
  asio::co_spawn(acceptor.get_executor(), accept_loop(shared_), asio::detached);
  return acceptor.local_endpoint().port();
}

void Server::stop() {
  if (shared_->stopping.exchange(true)) return;
  asio::post(shared_->acceptor.get_executor(), [shared = shared_] {
    boost::system::error_code ignored;
    shared->acceptor.close(ignored);
  });
  const std::lock_guard lock(shared_->mutex);
  for (const auto& connection : shared_->connections) {
    const Connection::State state = connection->state;
    if (state == Connection::State::fresh || state == Connection::State::idle) close_idle(connection, state);
  }
  for (const auto& weak : shared_->open_sockets)
    if (const auto socket = weak.lock()) socket->close(1001, "the server is stopping");
}

unsigned Server::open() const { return shared_->open; }

}  // namespace qflow::http
