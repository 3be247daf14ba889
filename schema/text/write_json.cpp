#include "schema/text/write_json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace qflow::schema {
namespace {

namespace json = boost::json;

class Writer {
 public:
  void write(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null:
        out += "null";
        break;
      case json::kind::bool_:
        out += value.get_bool() ? "true" : "false";
        break;
      case json::kind::int64:
        number(value.get_int64());
        break;
      case json::kind::uint64:
        number(value.get_uint64());
        break;
      case json::kind::double_:
        out += number_text(value.get_double());
        break;
      case json::kind::string:
        string(value.get_string());
        break;
      case json::kind::array: {
        char before = '[';
        for (const json::value& one : value.get_array()) {
          out += before;
          before = ',';
          write(one);
        }
        out += before == '[' ? "[]" : "]";
        break;
      }
      case json::kind::object: {
        char before = '{';
        for (const auto& [key, one] : value.get_object()) {
          out += before;
          before = ',';
          string(key);
          out += ':';
          write(one);
        }
        out += before == '{' ? "{}" : "}";
        break;
      }
    }
  }
  std::string out;

 private:
  template <class N>
  void number(N n) {
    std::array<char, 24> text;
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), n).ptr);
  }

  void string(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += '"';
    std::size_t from = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      if (c >= 0x20 && c != '"' && c != '\\') continue;
      out.append(text, from, at - from);
      from = at + 1;
      switch (c) {
        case '"':
        case '\\':
          out += {'\\', static_cast<char>(c)};
          break;
        case '\n':
          out += "\\n";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\r':
          out += "\\r";
          break;
        default:
          out += "\\u00";
          out += {kDigits[c >> 4U], kDigits[c & 15U]};
      }
    }
    out.append(text, from);
    out += '"';
  }
};

}  // namespace

std::string number_text(double number) {
  if (!std::isfinite(number)) return "null";
  std::array<char, 32> text;
  std::string out(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string write_json(const json::value& value) {
  Writer writer;
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace qflow::schema
