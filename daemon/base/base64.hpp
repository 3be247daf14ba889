// Base64 (RFC 4648, section 4, with padding), by libsodium. Any thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace qflow {

std::string base64(std::string_view bytes);
/// Nothing for text that is not base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace qflow
