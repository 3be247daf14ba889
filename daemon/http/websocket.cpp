// WebSockets: an outgoing queue, an incoming callback. All on the connection's strand; Socket's two calls post to it.
#include "daemon/http/websocket.hpp"

#include <boost/beast/websocket.hpp>
#include <deque>

namespace qflow::http {
namespace {

namespace websocket = beast::websocket;

class OpenSocket final : public Socket, public std::enable_shared_from_this<OpenSocket> {
 public:
  OpenSocket(beast::tcp_stream stream, const TransportLimits& limits) : ws_(std::move(stream)), limits_(limits) {}

  void send(std::shared_ptr<const std::string> text) override {
    asio::post(ws_.get_executor(),
               [self = shared_from_this(), text = std::move(text)]() mutable { self->enqueue(std::move(text)); });
  }
  void close(std::uint16_t code, const std::string& reason) override {
    asio::post(ws_.get_executor(), [self = shared_from_this(), code, reason] { self->begin_close(code, reason); });
  }

  Task<> run(const Parser& parser, Server::Shared& shared, const Request& request) {
    ws_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    ws_.set_option(websocket::stream_base::decorator(
        [](websocket::response_type& response) { response.set(bhttp::field::server, "qflow"); }));
    ws_.read_message_max(limits_.socket_message);
    ws_.text(true);
    ws_.auto_fragment(false);
    beast::get_lowest_layer(ws_).expires_never();
    boost::system::error_code error;
    co_await ws_.async_accept(parser.get(), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    {
      const std::lock_guard lock(shared.mutex);
      std::erase_if(shared.open_sockets, [](const auto& weak) { return weak.expired(); });
      shared.open_sockets.push_back(weak_from_this());
    }
    const SocketEvents events = shared.service.open(request, shared_from_this());
    if (shared.stopping) begin_close(1001, "the server is stopping");
    beast::flat_buffer buffer;
    while (!error) {
      co_await ws_.async_read(buffer, asio::redirect_error(asio::use_awaitable, error));
      if (error || closing_) break;
      if (events.message) events.message(beast::buffers_to_string(buffer.data()));
      buffer.consume(buffer.size());
    }
    closing_ = true;
    if (events.closed) events.closed();
    // A write under way holds this object; it ends with the stream.
    beast::get_lowest_layer(ws_).close();
  }

 private:
  void enqueue(std::shared_ptr<const std::string> text) {
    if (closing_) return;
    if (queue_.size() >= limits_.socket_queue || queued_bytes_ + text->size() > limits_.socket_queue_bytes)
      return begin_close(1013, "events came faster than they were read; reconnect with ?since= and the last id");
    queued_bytes_ += text->size();
    queue_.push_back(std::move(text));
    if (!writing_) start_writing();
  }

  void start_writing() {
    writing_ = true;
    asio::co_spawn(ws_.get_executor(), write_all(shared_from_this()), asio::detached);
  }

  static Task<> write_all(std::shared_ptr<OpenSocket> self) {
    boost::system::error_code error;
    while (!error && !self->queue_.empty() && !self->closing_) {
      const auto text = std::move(self->queue_.front());
      self->queue_.pop_front();
      co_await self->ws_.async_write(asio::buffer(*text), asio::redirect_error(asio::use_awaitable, error));
      self->queued_bytes_ -= text->size();
    }
    self->writing_ = false;
    if (self->closing_) co_await self->say_goodbye();
  }

  void begin_close(std::uint16_t code, const std::string& reason) {
    if (closing_) return;
    closing_ = true;
    queue_.clear();
    reason_ = websocket::close_reason(static_cast<websocket::close_code>(code), reason);
    // A client that does not read does not take the goodbye either, so the wait is short.
    patience_.expires_after(std::chrono::seconds(2));
    patience_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error) beast::get_lowest_layer(self->ws_).close();
    });
    if (!writing_) start_writing();
  }

  Task<> say_goodbye() {
    boost::system::error_code ignored;
    co_await ws_.async_close(reason_, asio::redirect_error(asio::use_awaitable, ignored));
    patience_.cancel();
  }

  websocket::stream<beast::tcp_stream> ws_;
  const TransportLimits limits_;
  std::deque<std::shared_ptr<const std::string>> queue_;  // shared with the other clients of the same event
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  websocket::close_reason reason_;
  asio::steady_timer patience_{ws_.get_executor()};
};

}  // namespace

Task<bool> serve_socket(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection, Parser& parser,
                        const Request& request) {
  const bool room = shared->sockets.fetch_add(1) < shared->limits.sockets;
  if (room) {
    connection->upgraded = true;
    const auto socket = std::make_shared<OpenSocket>(std::move(connection->stream), shared->limits);
    co_await socket->run(parser, *shared, request);
  }
  --shared->sockets;
  co_return room;
}

}  // namespace qflow::http
