#include "schema/messages.hpp"

#include <boost/json/parser.hpp>

namespace qflow::schema {

json::value parse_json(std::string_view text, std::string& error, std::size_t max_depth) {
  error.clear();
  json::parse_options options;
  options.max_depth = max_depth;
  json::parser parser(json::storage_ptr{}, options);
  boost::system::error_code code;
  const std::size_t read = parser.write_some(text.data(), text.size(), code);
  if (!code && read < text.size()) {
    // write_some stops after a whole document: only blanks may follow.
    const auto rest = text.find_first_not_of(" \t\r\n", read);
    if (rest != std::string_view::npos) {
      error = "unexpected text after the document at byte " + std::to_string(rest);
      return nullptr;
    }
  }
  if (code) {
    error = code == json::error::too_deep ? "nested deeper than " + std::to_string(max_depth) + " levels"
                                          : code.message() + " at byte " + std::to_string(read);
    return nullptr;
  }
  return parser.release();
}

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
