// Splits "HOST:PORT". Any thread.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace qflow {

/// The address and port of "HOST:PORT", "[::1]:80", ":80"; "" and "localhost" are 127.0.0.1. Throws Fault(bad_input).
std::pair<std::string, unsigned short> split_address(const std::string& address);
/// Whether `text` is an IPv4 or IPv6 address.
bool is_address(std::string_view text);

}  // namespace qflow
