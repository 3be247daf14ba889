#include "daemon/http/server.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <map>
#include <mutex>

#include "daemon/observe/log.hpp"

namespace qflow::http {
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using tcp = asio::ip::tcp;

struct Server::Shared {
  Shared(asio::io_context& context, Limits l, Router r, std::function<bool(std::string_view)> a)
      : io(context), limits(l), router(std::move(r)), authorize(std::move(a)), acceptor(asio::make_strand(context)) {}
  asio::io_context& io;
  Limits limits;
  Router router;
  std::function<bool(std::string_view)> authorize;
  tcp::acceptor acceptor;
  std::atomic<bool> stopping{false};
  std::atomic<unsigned> open{0};
  std::mutex mutex;
  /// Connections on which nothing is under way: to be closed at stop(), and, of those that never sent a request, the
  /// oldest when there is no room for another.
  struct Idle {
    bool fresh = true;
    Clock::time_point since;
  };
  std::map<beast::tcp_stream*, Idle> idle;
};

namespace {

using Stream = beast::tcp_stream;
using Parser = bhttp::request_parser<bhttp::string_body>;

// What is wrong with a request is told by its head alone: where it goes, and whether it may. Only then is a body read,
// so that nobody without the token can make the daemon hold one.
const Route* admit(const Router& router, const std::function<bool(std::string_view)>& authorize,
                   std::string_view target, Request& request, Reply& refused) {
  try {
    read_target(target, request);
    const Route& route = router.match(request);
    if (route.access == Access::token && !authorize(request.authorization))
      throw Fault(FaultKind::unauthorized, "unauthorized",
                  "this call needs the header `Authorization: Bearer TOKEN`; the token is in the data directory's file "
                  "`token`");
    return &route;
  } catch (const Fault& fault) {
    refused = Reply::of(fault);
    return nullptr;
  }
}

// One catch for each request: what a handler throws becomes the documented error body.
Task<Reply> answer(const Route& route, const Request& request) {
  try {
    co_return co_await route.handler(request);
  } catch (const Fault& fault) {
    co_return Reply::of(fault);
  } catch (const std::exception& error) {
    log::error("http", "a request failed", {{"path", request.path}, {"reason", error.what()}});
    co_return Reply::of(Fault(FaultKind::internal, "internal", "an internal error; the log has the reason"));
  }
}

Task<bool> write_reply(Stream& stream, const Reply& reply, bool keep_alive, unsigned version, bool head,
                       std::chrono::seconds time) {
  bhttp::response<bhttp::string_body> response(static_cast<bhttp::status>(reply.status), version);
  response.set(bhttp::field::server, "qflow");
  response.set(bhttp::field::content_type, reply.content_type);
  response.set(bhttp::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.body() = reply.body;
  response.prepare_payload();
  if (head) response.body().clear();
  stream.expires_after(time);
  boost::system::error_code error;
  co_await bhttp::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

// After an early refusal the client is still sending: without this it would see a reset and not the reply.
Task<> linger(Stream& stream) {
  boost::system::error_code error;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 65536> bytes;  // NOLINT: filled by the read
  stream.expires_after(std::chrono::seconds(3));
  for (std::size_t total = 0; !error && total < (64U << 20U);)
    total += co_await stream.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
}

Fault refusal(const boost::system::error_code& error, const Limits& limits) {
  if (error == bhttp::error::body_limit)
    return {FaultKind::too_large, "body_too_large",
            fmt::format("the body is larger than the limit of {} bytes", limits.body)};
  if (error == bhttp::error::header_limit)
    return {FaultKind::bad_input, "header_too_large",
            fmt::format("the header is larger than the limit of {} bytes", limits.header)};
  return {FaultKind::bad_input, "bad_request", "this is not a well-formed HTTP/1.1 request: " + error.message()};
}

// Everything but the body.
Request take_head(Parser& parser, const std::string& peer) {
  const auto& message = parser.get();
  Request request;
  request.method = message.method() == bhttp::verb::head ? "GET" : std::string(message.method_string());
  request.authorization = std::string(message[bhttp::field::authorization]);
  request.peer = peer;
  return request;
}

// Reads and answers one request. False: the connection is to be closed.
Task<bool> serve_one(std::shared_ptr<Server::Shared> shared, Stream& stream, beast::flat_buffer& buffer,
                     const std::string& peer, bool fresh) {
  Parser parser;
  parser.header_limit(shared->limits.header);
  parser.body_limit(shared->limits.body);
  stream.expires_after(shared->limits.header_time);
  boost::system::error_code error;
  {
    const std::lock_guard lock(shared->mutex);
    shared->idle[&stream] = {fresh, Clock::now()};
  }
  co_await bhttp::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  {
    const std::lock_guard lock(shared->mutex);
    shared->idle.erase(&stream);
  }
  const auto gone = [&] {
    return error == bhttp::error::end_of_stream || error == asio::error::operation_aborted ||
           error == beast::error::timeout || error == asio::error::connection_reset ||
           error == bhttp::error::partial_message;
  };
  if (gone()) co_return false;
  Request request;
  Reply reply;
  const Route* route = nullptr;
  if (!error) {
    request = take_head(parser, peer);
    const std::string target(parser.get().target());
    route = admit(shared->router, shared->authorize, target, request, reply);
    if (route == nullptr && !parser.is_done()) {
      co_await write_reply(stream, reply, false, 11, false, shared->limits.write_time);
      co_await linger(stream);
      co_return false;
    }
  }
  if (!error && parser.get()[bhttp::field::expect] == "100-continue") {
    bhttp::response<bhttp::empty_body> go_on(bhttp::status::continue_, 11);
    co_await bhttp::async_write(stream, go_on, asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error && !parser.is_done()) {
    stream.expires_after(shared->limits.body_time);
    co_await bhttp::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  }
  if (gone()) co_return false;
  if (error) {
    reply = Reply::of(refusal(error, shared->limits));
    co_await write_reply(stream, reply, false, 11, false, shared->limits.write_time);
    co_await linger(stream);
    co_return false;
  }
  const bool head = parser.get().method() == bhttp::verb::head;
  const bool keep_alive = parser.keep_alive() && !shared->stopping;
  const unsigned version = parser.get().version();
  request.body = std::move(parser.get().body());
  stream.expires_never();  // the handler has deadlines of its own
  if (route != nullptr) reply = co_await answer(*route, request);
  const bool written =
      co_await write_reply(stream, reply, keep_alive && !shared->stopping, version, head, shared->limits.write_time);
  co_return written&& keep_alive && !shared->stopping;
}

Task<> serve_connection(std::shared_ptr<Server::Shared> shared, tcp::socket socket) {
  Stream stream(std::move(socket));
  beast::flat_buffer buffer(shared->limits.header + (1U << 16U));
  boost::system::error_code ignored;
  stream.socket().set_option(tcp::no_delay(true), ignored);
  const auto endpoint = stream.socket().remote_endpoint(ignored);
  const std::string peer = fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
  try {
    bool fresh = true;
    while (co_await serve_one(shared, stream, buffer, peer, fresh)) fresh = false;
  } catch (const std::exception& error) {
    log::warning("http", "a connection ended", {{"peer", peer}, {"reason", error.what()}});
  }
  {
    const std::lock_guard lock(shared->mutex);
    shared->idle.erase(&stream);
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  --shared->open;
}

// Ends the wait of one idle connection, on its own strand, if it still is idle by then.
void close_idle(const std::shared_ptr<Server::Shared>& shared, Stream* stream, Clock::time_point since) {
  asio::post(stream->get_executor(), [stream, since, shared] {
    const std::lock_guard lock(shared->mutex);
    const auto found = shared->idle.find(stream);
    if (found != shared->idle.end() && found->second.since == since) stream->cancel();
  });
}

// Whoever holds connections without saying anything must not keep others out.
void make_room(const std::shared_ptr<Server::Shared>& shared) {
  const std::lock_guard lock(shared->mutex);
  Stream* oldest = nullptr;
  for (auto& [stream, state] : shared->idle)
    if (state.fresh && (oldest == nullptr || state.since < shared->idle[oldest].since)) oldest = stream;
  if (oldest == nullptr) return;
  shared->idle[oldest].fresh = false;  // once is enough
  close_idle(shared, oldest, shared->idle[oldest].since);
}

Task<> accept_loop(std::shared_ptr<Server::Shared> shared) {
  // What is accepted above the limit until the ones that make room are gone.
  constexpr unsigned kOverlap = 64;
  while (!shared->stopping) {
    boost::system::error_code error;
    tcp::socket socket(asio::make_strand(shared->io));
    co_await shared->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (shared->stopping) break;
    if (error) {
      log::warning("http", "accept failed", {{"reason", error.message()}});
      co_await sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    if (shared->open >= shared->limits.connections) make_room(shared);
    if (shared->open >= shared->limits.connections + kOverlap) {
      socket.close(error);
      co_await sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    ++shared->open;
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, serve_connection(shared, std::move(socket)), asio::detached);
  }
}

}  // namespace

Server::Server(asio::io_context& io, Limits limits, Router router, std::function<bool(std::string_view)> authorize)
    : shared_(std::make_shared<Shared>(io, limits, std::move(router), std::move(authorize))) {}
Server::~Server() { stop(); }

unsigned short Server::listen(const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string port_text = colon == std::string::npos ? address : address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  unsigned short port = 0;
  const auto [end, bad] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error || bad != std::errc{} || end != port_text.data() + port_text.size())
    throw Fault(FaultKind::bad_input, "listen",
                fmt::format("--listen {}: expected an address and a port, such as 127.0.0.1:8000", address));
  const tcp::endpoint endpoint(ip, port);
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
  for (const auto& [stream, state] : shared_->idle) close_idle(shared_, stream, state.since);
}

unsigned Server::open() const { return shared_->open; }

}  // namespace qflow::http
