// The bearer token that every call needs until users exist. Made at first start. Any thread.
#pragma once
#include <string>
#include <string_view>

namespace qflow::auth {

class Token {
 public:
  /// Reads `directory`/token, or makes it: 32 random bytes in URL-safe base64, mode 0600. Throws Fault when the file is
  /// readable by others, or not readable by us.
  explicit Token(const std::string& directory);
  const std::string& text() const { return text_; }
  const std::string& path() const { return path_; }
  /// Whether an Authorization header's value is `Bearer` with this token. Takes the same time for every wrong one.
  bool accepts(std::string_view authorization) const;

 private:
  std::string path_;
  std::string text_;
};

}  // namespace qflow::auth
