#include "daemon/base/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "daemon/base/fault.hpp"

namespace qflow {

bool is_address(std::string_view text) {
  const std::string whole(text);
  std::array<unsigned char, sizeof(in6_addr)> binary{};
  return ::inet_pton(AF_INET, whole.c_str(), binary.data()) == 1 ||
         ::inet_pton(AF_INET6, whole.c_str(), binary.data()) == 1;
}

std::pair<std::string, unsigned short> split_address(const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string port_text = colon == std::string::npos ? address : address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  unsigned short port = 0;
  const auto [end, bad] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (!is_address(host) || bad != std::errc{} || end != port_text.data() + port_text.size())
    throw Fault(FaultKind::bad_input, "listen",
                fmt::format("server.listen: \"{}\" is not an address and port, such as 127.0.0.1:8000", address));
  return {host, port};
}

}  // namespace qflow
