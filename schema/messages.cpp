#include "schema/messages.hpp"

namespace qflow::schema {

std::string output_mark(std::string_view nonce, std::uint32_t id) {
  std::string mark("\0qf:", 4);
  mark += nonce;
  mark += ':';
  char digits[9];
  for (int i = 7; i >= 0; --i, id >>= 4U) digits[i] = "0123456789abcdef"[id & 15U];
  digits[8] = '\n';
  return mark.append(digits, 9);
}

}  // namespace qflow::schema
