// JSON pointers (RFC 6901): ~ and / in the name of a member. Any thread.
#pragma once
#include <string>
#include <string_view>

namespace qflow::schema {

/// "a/b" → "a~1b"
inline std::string escape_pointer(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

/// "a~1b" → "a/b"
inline std::string unescape_pointer(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escaped = part[i] == '~' && i + 1 < part.size();
    out += !escaped ? part[i] : part[++i] == '1' ? '/' : '~';
  }
  return out;
}

}  // namespace qflow::schema
