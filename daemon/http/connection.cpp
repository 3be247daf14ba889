// Serves the requests of one connection, one after the other: read the head, admit it, read the body, answer.
#include "daemon/http/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/websocket/rfc6455.hpp>
#include <ctime>

#include "daemon/http/websocket.hpp"
#include "daemon/observe/log.hpp"
#include "sandbox/sys.hpp"

namespace qflow::http {
namespace {

using Stream = beast::tcp_stream;

// RFC 9110 6.6.1 requires the date; it changes once a second.
std::string_view date() {
  thread_local std::time_t last = 0;
  thread_local std::array<char, 40> text{};
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    last = now;
  }
  return text.data();
}

bool is_header_text(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// Written here and not by Beast's serialiser, which allocates memory for each field.
void write_head(std::string& head, const Service& service, const Reply& reply, std::uint64_t size, bool keep_alive,
                unsigned version) {
  const auto status = static_cast<unsigned>(reply.status);
  const auto reason = bhttp::obsolete_reason(static_cast<bhttp::status>(status));
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nServer: qflow\r\nDate: {}\r\n", status,
                 std::string_view(reason.data(), reason.size()), date());
  head += service.common_headers();
  head.append("Content-Security-Policy: ")
      .append(reply.content_policy.empty() ? service.content_policy() : reply.content_policy)
      .append("\r\n");
  if (!keep_alive) head += "Connection: close\r\n";
  else if (version < 11) head += "Connection: keep-alive\r\n";
  bool cached = false;
  for (const auto& [name, value] : reply.headers) {
    if (!is_header_text(name) || !is_header_text(value)) continue;
    cached = cached || name == "Cache-Control";
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!cached) head += "Cache-Control: no-store\r\n";
  if (status != 204 && status != 304)
    fmt::format_to(std::back_inserter(head), "Content-Type: {}\r\nContent-Length: {}\r\n", reply.content_type, size);
  head += "\r\n";
}

Task<bool> send(Stream& stream, std::array<asio::const_buffer, 2> parts, std::chrono::seconds time) {
  stream.expires_after(time);
  boost::system::error_code error;
  co_await asio::async_write(stream, parts, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

struct FilePiece {
  bool read = false;
  std::string bytes;
};

// Runs on a thread that may block.
Task<FilePiece> read_piece(sandbox::UniqueFd& fd, const FilePart& part, std::uint64_t done, std::uint64_t size) {
  if (!fd) fd = sandbox::UniqueFd(::open(part.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  FilePiece piece;
  piece.bytes.resize(size);
  const ssize_t got = ::pread(fd.get(), piece.bytes.data(), size, static_cast<off_t>(part.offset + done));
  piece.read = got >= 0 && static_cast<std::uint64_t>(got) == size;
  co_return piece;
}

// Sends a file in parts, so that a large file does not take memory.
Task<bool> send_file(Server::Shared& shared, Stream& stream, const std::string& head, const FilePart& part,
                     bool& unreadable) {
  constexpr std::uint64_t kPart = 256U << 10U;
  sandbox::UniqueFd fd;
  bool first = true;
  for (std::uint64_t done = 0; first || done < part.size; first = false) {
    auto read = read_piece(fd, part, done, std::min(kPart, part.size - done));
    const FilePiece piece = co_await asio::co_spawn(shared.files, std::move(read), asio::use_awaitable);
    unreadable = first && !piece.read;
    if (!piece.read) co_return false;  // after the first part, the client sees a truncated body
    const std::array<asio::const_buffer, 2> parts{asio::buffer(first ? head : std::string_view()),
                                                  asio::buffer(piece.bytes)};
    if (!co_await send(stream, parts, shared.limits.write_time)) co_return false;
    done += piece.bytes.size();
  }
  co_return true;
}

Task<bool> write_reply(Server::Shared& shared, Stream& stream, const Reply& reply, bool keep_alive, unsigned version,
                       bool head_only) {
  const std::string& body = reply.shared_body ? *reply.shared_body : reply.body;
  const std::uint64_t size = reply.file ? reply.file->size : body.size();
  std::string head;
  head.reserve(512);
  write_head(head, shared.service, reply, size, keep_alive, version);
  if (reply.file && !head_only) {
    bool unreadable = false;
    const bool sent = co_await send_file(shared, stream, head, *reply.file, unreadable);
    if (!unreadable) co_return sent;
    log::error("http", "a file could not be read", {{"path", reply.file->path}});
    const Fault gone(FaultKind::internal, "missing_blob", "the file's bytes are missing; the log has the path");
    co_return co_await write_reply(shared, stream, shared.service.refuse(gone), keep_alive, version, false);
  }
  const bool bare = head_only || reply.status == 204 || reply.status == 304;
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), bare ? asio::const_buffer() : asio::buffer(body)};
  co_return co_await send(stream, parts, shared.limits.write_time);
}

// After an early refusal the client is still sending: without this it would see a reset instead of the reply.
Task<> linger(Stream& stream) {
  boost::system::error_code error;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 65536> bytes;  // NOLINT: filled by the read
  stream.expires_after(std::chrono::seconds(3));
  for (std::size_t total = 0; !error && total < (64U << 20U);)
    total += co_await stream.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
}

Fault refusal(const boost::system::error_code& error, const TransportLimits& limits, std::uint64_t body_limit) {
  if (error == bhttp::error::body_limit)
    return {FaultKind::too_large, "body_too_large",
            fmt::format("the body is larger than the limit of {} bytes", body_limit)};
  if (error == bhttp::error::header_limit)
    return {FaultKind::bad_input, "header_too_large",
            fmt::format("the header is larger than the limit of {} bytes", limits.header)};
  return {FaultKind::bad_input, "bad_request", "this is not a well-formed HTTP/1.1 request: " + error.message()};
}

bool is_gone(const boost::system::error_code& error) {
  return error == bhttp::error::end_of_stream || error == asio::error::operation_aborted || error == asio::error::eof ||
         error == beast::error::timeout || error == asio::error::connection_reset ||
         error == bhttp::error::partial_message || error == asio::error::broken_pipe;
}

// Everything but the body.
Request take_head(Parser& parser, const std::string& peer) {
  const auto& message = parser.get();
  Request request;
  request.head = message.method() == bhttp::verb::head;
  request.method = request.head ? "GET" : std::string(message.method_string());
  request.peer = peer;
  unsigned hosts = 0;
  for (const auto& field : message) {
    if (field.name() == bhttp::field::host) ++hosts;
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  // RFC 9112 3.2: exactly one Host header, or a cache in front of us may use a different one.
  if (hosts > 1 || (hosts == 0 && message.version() >= 11))
    throw Fault(FaultKind::bad_input, "bad_request", "a request needs exactly one Host header");
  read_target(std::string_view(message.target().data(), message.target().size()), request);
  return request;
}

// The received bytes of one body, counted against the limit for all requests together; released at the end. Counted on
// arrival: announcing a large body reserves no room.
class BodyRoom {
 public:
  explicit BodyRoom(Server::Shared& shared) : shared_(shared) {}
  ~BodyRoom() { shared_.body_bytes -= size_; }
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;
  /// False when there is no more room.
  bool grow(std::uint64_t bytes) {
    size_ += bytes;
    return shared_.body_bytes.fetch_add(bytes) + bytes <= shared_.limits.bodies;
  }

 private:
  Server::Shared& shared_;
  std::uint64_t size_ = 0;
};

// Watches whether the client closes its side while a handler works for it. A client that sends its next request
// meanwhile is there, and is not watched any further.
class ClientPresence final : public Presence {
 public:
  explicit ClientPresence(tcp::socket& socket) : socket_(socket) {}
  ~ClientPresence() override { end(); }
  ClientPresence(const ClientPresence&) = delete;
  ClientPresence& operator=(const ClientPresence&) = delete;

  /// Ends the wait, before anything else is done with the socket.
  void end() {
    if (!watching_ || *ended_) return;
    *ended_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  void watch(std::function<void()> gone) override {
    watching_ = true;
    socket_.async_wait(tcp::socket::wait_read,
                       [this, ended = ended_, gone = std::move(gone)](const boost::system::error_code& error) {
                         if (error || *ended) return;
                         *ended = true;
                         char byte = 0;
                         const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                         if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) gone();
                       });
  }

 private:
  tcp::socket& socket_;
  bool watching_ = false;
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);  // shared with the wait, which may outlast this
};

// Waits for the first byte, then reads the head. False when there is nothing to answer.
Task<bool> read_head(Server::Shared& shared, Connection& c, Parser& parser, boost::system::error_code& error) {
  if (c.buffer.size() == 0) {
    c.stream.expires_after(shared.limits.idle_time);
    const std::size_t got =
        co_await c.stream.async_read_some(c.buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    c.buffer.commit(got);
  }
  if (c.state.exchange(Connection::State::busy) == Connection::State::evicted) co_return false;
  c.stream.expires_after(shared.limits.header_time);
  co_await bhttp::async_read_header(c.stream, c.buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  co_return !is_gone(error);
}

Task<bool> refuse_and_close(Server::Shared& shared, Connection& c, const Reply& reply) {
  co_await write_reply(shared, c.stream, reply, false, 11, false);
  co_await linger(c.stream);
  co_return false;
}

// Reads the rest of an admitted request and answers it.
Task<bool> take_and_answer(Server::Shared& shared, Connection& c, Parser& parser, Request& request,
                           std::uint64_t body_limit) {
  boost::system::error_code error;
  const auto length = parser.content_length();
  if (length && *length > body_limit)
    co_return co_await refuse_and_close(
        shared, c, shared.service.refuse(refusal(bhttp::error::body_limit, shared.limits, body_limit)));
  BodyRoom room(shared);
  parser.body_limit(body_limit);
  if (parser.get()[bhttp::field::expect] == "100-continue" && !parser.is_done()) {
    bhttp::response<bhttp::empty_body> go_on(bhttp::status::continue_, 11);
    co_await bhttp::async_write(c.stream, go_on, asio::redirect_error(asio::use_awaitable, error));
  }
  c.stream.expires_after(shared.limits.body_time);
  while (!error && !parser.is_done()) {
    const std::size_t got =
        co_await bhttp::async_read_some(c.stream, c.buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (!room.grow(got)) {
      const Fault busy(FaultKind::unavailable, "busy", "the server is receiving too much at once; try again");
      co_return co_await refuse_and_close(shared, c, shared.service.refuse(busy));
    }
  }
  if (is_gone(error)) co_return false;
  if (error)
    co_return co_await refuse_and_close(shared, c, shared.service.refuse(refusal(error, shared.limits, body_limit)));
  request.body = std::move(parser.get().body());
  const bool head = parser.get().method() == bhttp::verb::head;
  c.stream.expires_never();  // the handler has deadlines of its own
  ClientPresence presence(c.stream.socket());
  request.presence = &presence;
  const Reply reply = co_await shared.service.answer(request);
  request.presence = nullptr;
  presence.end();
  const bool keep_alive = parser.keep_alive() && !shared.stopping;
  const bool written = co_await write_reply(shared, c.stream, reply, keep_alive, parser.get().version(), head);
  co_return written&& keep_alive;
}

// Reads and answers one request. False when the connection is to be closed.
Task<bool> serve_one(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> c) {
  Parser parser;
  parser.header_limit(shared->limits.header);
  parser.body_limit(boost::none);  // set once the route is known
  boost::system::error_code error;
  if (!co_await read_head(*shared, *c, parser, error)) co_return false;
  if (error)
    co_return co_await refuse_and_close(*shared, *c, shared->service.refuse(refusal(error, shared->limits, 0)));
  // The head alone decides whether a request is admitted: its route and its permissions. The body is read only after
  // that, so that unauthorized clients cannot make the daemon hold one.
  Request request;
  Service::Admission admission;
  try {
    request = take_head(parser, c->peer);
  } catch (const Fault& fault) {
    admission.reply = shared->service.refuse(fault);
  }
  if (!admission.reply) admission = co_await shared->service.admit(request);
  if (!admission.reply && admission.upgrade) {
    const bool upgrade = beast::websocket::is_upgrade(parser.get());
    if (upgrade && co_await serve_socket(shared, c, parser, request)) co_return false;
    const Fault full(FaultKind::unavailable, "busy", "the limit of open WebSockets is reached; try again later");
    const Fault fault(FaultKind::bad_input, "upgrade_required", "this path is for WebSocket connections (RFC 6455)");
    admission.reply = shared->service.refuse(upgrade ? full : fault);
  }
  if (!admission.reply) co_return co_await take_and_answer(*shared, *c, parser, request, admission.body_limit);
  if (!parser.is_done()) co_return co_await refuse_and_close(*shared, *c, *admission.reply);
  const bool keep_alive = parser.keep_alive() && !shared->stopping;
  const bool head = parser.get().method() == bhttp::verb::head;
  const bool written =
      co_await write_reply(*shared, c->stream, *admission.reply, keep_alive, parser.get().version(), head);
  co_return written&& keep_alive;
}

}  // namespace

Task<> serve_connection(std::shared_ptr<Server::Shared> shared, std::shared_ptr<Connection> connection) {
  connection->buffer.max_size(shared->limits.header + (1U << 16U));
  while (co_await serve_one(shared, connection)) {
    if (shared->stopping) break;
    Connection::State busy = Connection::State::busy;
    connection->state.compare_exchange_strong(busy, Connection::State::idle);
  }
}

}  // namespace qflow::http
