#include "tests/support/web_socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>

namespace qflow::test {

WebSocket::WebSocket(unsigned short port, const std::string& target, const std::string& headers)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  send_raw(
      fmt::format("GET {} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
                  target, port, headers));
  while (buffer_.find("\r\n\r\n") == std::string::npos)
    if (!fill(buffer_.size() + 1, 10'000)) return;
  status_ = std::stoi(buffer_.substr(9, 3));
  if (status_ == 101) buffer_.erase(0, buffer_.find("\r\n\r\n") + 4);
}

bool WebSocket::fill(std::size_t size, int patience) {
  while (buffer_.size() < size) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, patience) <= 0) return false;
    std::array<char, 65536> bytes;  // NOLINT: filled by the read
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<std::string> WebSocket::receive(int patience) {
  for (;;) {
    if (!fill(2, patience)) return std::nullopt;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer_[i]); };
    const int opcode = byte(0) & 0x0f;
    std::size_t size = byte(1) & 0x7fU;
    std::size_t head = 2;
    if (size >= 126) {
      const std::size_t width = size == 126 ? 2 : 8;
      if (!fill(2 + width, patience)) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < width; ++i) size = size << 8U | byte(2 + i);
      head += width;
    }
    if (!fill(head + size, patience)) return std::nullopt;
    std::string payload = buffer_.substr(head, size);
    if (opcode == 8 && size >= 2) close_code_ = byte(head) << 8 | byte(head + 1);
    buffer_.erase(0, head + size);
    if (opcode == 1) return payload;
    if (opcode == 8) return std::nullopt;
  }
}

boost::json::value WebSocket::next(const std::string& type, int patience) {
  while (const auto text = receive(patience)) {
    boost::json::value value = boost::json::parse(*text);
    if (value.at("type") == boost::json::value(type)) return value;
  }
  return nullptr;
}

void WebSocket::send(const std::string& text) {
  std::string frame{'\x81'};
  if (text.size() < 126) {
    frame += static_cast<char>(0x80U | text.size());
  } else {
    frame += static_cast<char>(0x80U | 127U);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(text.size() >> static_cast<unsigned>(shift));
  }
  send_raw(frame + std::string(4, '\0') + text);  // a mask of zeros is valid, too
}

void WebSocket::send_raw(const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::send(socket_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace qflow::test
