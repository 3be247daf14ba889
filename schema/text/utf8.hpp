// Cutting UTF-8 text. Any thread.
#pragma once
#include <string>
#include <string_view>

namespace qflow::schema {

/// At most the first `most` bytes, without splitting a character.
inline std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return std::string(text.substr(0, most));
}

}  // namespace qflow::schema
