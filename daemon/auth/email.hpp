// What counts as an e-mail address. Any thread.
#pragma once
#include <string_view>

namespace qflow::auth {

/// Two parts around an @, without blanks, line feeds and what separates addresses in a list. Whether mail arrives there
/// is not known.
constexpr bool is_email_address(std::string_view text) {
  const auto at = text.find('@');
  return at != 0 && at != std::string_view::npos && at + 1 != text.size() &&
         text.find_first_of(" \t\r\n<>\",;") == std::string_view::npos;
}

}  // namespace qflow::auth
