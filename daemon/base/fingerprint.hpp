// One short name for many texts: the key of what is remembered about them. Any thread; one object belongs to one
// thread.
#pragma once
#include <sodium.h>

#include <string>
#include <string_view>

namespace qflow {

/// BLAKE2b-256 (RFC 7693) over texts, each with its length, so that "ab", "c" and "a", "bc" differ.
class Fingerprint {
 public:
  Fingerprint();
  Fingerprint& add(std::string_view text);
  /// 32 bytes. Ends it: nothing may be added afterwards.
  std::string bytes();
  /// The same as 64 hexadecimal digits.
  std::string hex();

 private:
  crypto_generichash_state state_;
};

}  // namespace qflow
