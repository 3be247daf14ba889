#include "schema/text/parse_json.hpp"

#include <boost/json/parser.hpp>
#include <charconv>

namespace qflow::schema {
namespace {

// 1e-400: rounds to zero, which is near enough.
bool is_tiny(std::string_view number) {
  return number.find("e-") != std::string_view::npos || number.find("E-") != std::string_view::npos;
}

// The closing quote of the JSON string that opens at `at`, or the end of the text.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at;
}

// The position in `text` of a number that a 64-bit integer or a double cannot hold, or npos. Boost.JSON would silently
// round the integer and turn the double into infinity.
std::size_t find_unrepresentable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') i = end_of_string(text, i);
    if (c < '0' || c > '9') continue;
    const std::size_t start = i;
    std::size_t end = text.find_first_not_of("0123456789+-.eE", i);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view number = text.substr(start, end - start);
    i = end - 1;
    if (number.size() < 4) continue;
    if (number.find_first_of(".eE") == std::string_view::npos) {
      const bool negative = start > 0 && text[start - 1] == '-';
      const std::string_view most = negative ? "9223372036854775808" : "18446744073709551615";
      if (number.size() > most.size() || (number.size() == most.size() && number > most)) return start;
    } else if (number.find_first_of("eE") != std::string_view::npos || number.size() > 300) {
      double value = 0;
      const auto [at, error] = std::from_chars(number.data(), number.data() + number.size(), value);
      if (error == std::errc::result_out_of_range && at != nullptr && !is_tiny(number)) return start;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t count_elements(std::string_view text) {
  std::size_t count = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') i = end_of_string(text, i);
    else if (c == ',' || c == '[' || c == '{') ++count;
  }
  return count;
}

json::value parse_json(std::string_view text, std::string& error, std::size_t max_depth) {
  error.clear();
  json::parse_options options;
  options.max_depth = max_depth;
  json::parser parser(json::storage_ptr{}, options);
  boost::system::error_code code;
  const std::size_t read = parser.write_some(text.data(), text.size(), code);
  if (!code && read < text.size()) {
    // write_some stops after a whole document: only white space may follow.
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
  if (const std::size_t at = find_unrepresentable(text); at != std::string_view::npos) {
    error = "the number at byte " + std::to_string(at) + " needs more than 64 bits; give it as text";
    return nullptr;
  }
  return parser.release();
}

}  // namespace qflow::schema
