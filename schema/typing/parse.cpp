#include "schema/typing/parse.hpp"
#include "schema/typing/annotated_limits.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace qflow::schema {
namespace {

constexpr int kMaxDepth = 24;
constexpr std::size_t kMaxText = 10'000;

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

class Parser {
 public:
  Parser(std::string_view text, const NameResolver& resolve, ParsedType& out)
      : text_(text), resolve_(resolve), out_(out) {}

  Type whole() {
    Type type = expression(0);
    skip();
    if (at_ < text_.size()) fail("unexpected text");
    return type;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool failed() const { return !out_.error.empty(); }
  void fail(const std::string& what) {
    if (out_.error.empty()) out_.error = what + " at character " + std::to_string(at_ + 1);
    at_ = text_.size();
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  char next() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string name() {
    skip();
    const std::size_t start = at_;
    while (at_ < text_.size() && (continues_name(text_[at_]) || text_[at_] == '.')) ++at_;
    if (at_ - start > 300) fail("a name longer than 300 characters");
    return std::string(text_.substr(start, at_ - start > 300 ? 0 : at_ - start));
  }

  // A string literal's content; escapes as far as annotations use them.
  std::string string() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        out += text_[at_] == 'n' ? '\n' : text_[at_] == 't' ? '\t' : text_[at_];
      } else {
        out += text_[at_];
      }
      ++at_;
    }
    if (at_ >= text_.size()) fail("a string without its end");
    else ++at_;
    return out;
  }

  Type expression(int depth) {
    if (depth > kMaxDepth) {
      fail("nested deeper than 24 levels");
      return {};
    }
    std::vector<Type> alternatives{atom(depth)};
    while (!failed() && take('|')) alternatives.push_back(atom(depth));
    return alternatives.size() == 1 ? std::move(alternatives.front()) : Type::either(std::move(alternatives));
  }

  Type atom(int depth) {
    const char c = next();
    if (c == '\'' || c == '"') {
      // A forward reference.
      const std::string inner = string();
      ParsedType parsed;
      Type type = Parser(inner, resolve_, parsed).nested(depth + 1);
      if (!parsed.error.empty()) fail("in the quoted type: " + parsed.error);
      out_.unknown.insert(out_.unknown.end(), parsed.unknown.begin(), parsed.unknown.end());
      return type;
    }
    if (c == '(') {
      take('(');
      Type type = expression(depth + 1);
      if (!take(')')) fail("expected )");
      return type;
    }
    if (!starts_name(c)) {
      fail("expected the name of a type");
      return {};
    }
    const std::string written = name();
    std::string canonical;
    if (const auto known = resolve_(written)) {
      canonical = *known;
    } else {
      canonical = written;
      out_.unknown.push_back(written);
    }
    if (!take('[')) return make_type(canonical, {});
    return subscripted(canonical, depth + 1);
  }

  Type nested(int depth) {
    Type type = expression(depth);
    skip();
    if (at_ < text_.size()) fail("unexpected text");
    return type;
  }

  Type subscripted(const std::string& canonical, int depth) {
    if (canonical == "typing.Literal") return literal();
    if (canonical == "typing.Annotated") return annotated(depth);
    if (canonical == "typing.Callable" || canonical == "collections.abc.Callable") return callable(depth);
    std::vector<Type> arguments;
    bool variadic = false;
    if (next() == '(') {
      // tuple[()]
      take('(');
      if (!take(')')) fail("expected )");
      if (!take(']')) fail("expected ]");
      Type empty;
      empty.kind = Type::Kind::tuple;
      return empty;
    }
    while (!failed() && next() != ']') {
      if (text_.substr(at_).starts_with("...")) {
        at_ += 3;
        variadic = true;
      } else {
        arguments.push_back(expression(depth));
      }
      if (!take(',')) break;
    }
    if (!take(']')) fail("expected , or ]");
    if (canonical == "tuple") {
      Type tuple;
      tuple.kind = Type::Kind::tuple;
      tuple.variadic = variadic && arguments.size() == 1;
      tuple.arguments = std::move(arguments);
      return tuple;
    }
    if (arguments.empty()) fail("expected a type between the brackets");
    return make_type(canonical, std::move(arguments));
  }

  std::optional<json::value> constant() {
    const char c = next();
    if (c == '\'' || c == '"') return json::value(json::string(string()));
    if ((c == 'b' || c == 'B') && at_ + 1 < text_.size() && (text_[at_ + 1] == '\'' || text_[at_ + 1] == '"')) {
      ++at_;
      return json::value(json::object{{"bytes", string()}});
    }
    if (c == '-' || c == '+' || (c >= '0' && c <= '9')) {
      const std::size_t start = at_++;
      while (at_ < text_.size() && (continues_name(text_[at_]) || text_[at_] == '.')) ++at_;
      std::string_view number = text_.substr(start, at_ - start);
      if (number.starts_with('+')) number.remove_prefix(1);
      std::int64_t whole = 0;
      auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), whole);
      if (error == std::errc{} && end == number.data() + number.size()) return json::value(whole);
      double real = 0;
      auto [stop, wrong] = std::from_chars(number.data(), number.data() + number.size(), real);
      if (wrong == std::errc{} && stop == number.data() + number.size() && std::isfinite(real))
        return json::value(real);
      return std::nullopt;
    }
    if (!starts_name(c)) return std::nullopt;
    const std::string word = name();
    if (word == "None") return json::value(nullptr);
    if (word == "True" || word == "False") return json::value(word == "True");
    const auto dot = word.rfind('.');
    if (dot == std::string::npos) return std::nullopt;
    const std::string owner = word.substr(0, dot);
    return json::value(json::object{{"enum", resolve_(owner).value_or(owner)}, {"name", word.substr(dot + 1)}});
  }

  Type literal() {
    Type type;
    type.kind = Type::Kind::literal;
    while (!failed() && next() != ']') {
      auto value = constant();
      if (!value) fail("expected a string, a whole number, True, False, None or a member of an enumeration");
      else if (std::find(type.values.begin(), type.values.end(), *value) == type.values.end())
        type.values.push_back(std::move(*value));
      if (!take(',')) break;
    }
    if (!take(']')) fail("expected , or ]");
    if (type.values.empty()) fail("Literal without a value");
    return type;
  }

  Type callable(int depth) {
    Type type;
    type.kind = Type::Kind::callable;
    if (take('[')) {
      while (!failed() && next() != ']') {
        type.arguments.push_back(expression(depth));
        if (!take(',')) break;
      }
      if (!take(']')) fail("expected , or ]");
    } else {
      // `...`, or a ParamSpec: any parameters.
      type.variadic = true;
      skip();
      if (text_.substr(at_).starts_with("...")) at_ += 3;
      else expression(depth);
    }
    if (!take(',')) fail("expected , and the result's type");
    type.arguments.push_back(expression(depth));
    if (!take(']')) fail("expected ]");
    return type;
  }

  Type annotated(int depth) {
    Type type = expression(depth);
    while (!failed() && take(',')) metadata(type);
    if (!take(']')) fail("expected , or ]");
    return type;
  }

  // Ge(0), Field(ge=0, le=10), annotated_types.Len(1, 5), "a note"; skips anything else.
  void metadata(Type& type) {
    if (!starts_name(next())) {
      if (!constant()) pass_over();
      return;
    }
    const std::size_t start = at_;
    std::string called = name();
    if (const auto dot = called.rfind('.'); dot != std::string::npos) called.erase(0, dot + 1);
    if (!take('(')) {
      at_ = start;
      pass_over();
      return;
    }
    const auto words = words_of_metadata(called);
    for (std::size_t position = 0; !failed() && next() != ')'; ++position) {
      const std::size_t here = at_;
      std::string word;
      if (starts_name(next())) {
        word = name();
        if (!take('=')) {
          word.clear();
          at_ = here;
        }
      }
      if (text_.substr(at_).starts_with("r'") || text_.substr(at_).starts_with("r\"")) ++at_;
      const std::size_t before = at_;
      const auto value = constant();
      if (!value) {
        at_ = before;
        pass_over();
      } else if (word.empty() && position < words.size()) {
        add_limit(type, words[position], *value);
      } else if (!word.empty()) {
        add_limit(type, word, *value);
      }
      if (!take(',')) break;
    }
    if (!take(')')) fail("expected )");
  }

  // Skips to the next comma or closing bracket of this level.
  void pass_over() {
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        string();
        continue;
      }
      if (c == '(' || c == '[' || c == '{') ++depth;
      if ((c == ')' || c == ']' || c == '}') && --depth < 0) return;
      if (c == ',' && depth == 0) return;
      ++at_;
    }
  }

  std::string_view text_;
  const NameResolver& resolve_;
  ParsedType& out_;
  std::size_t at_ = 0;
};

}  // namespace

ParsedType parse_type(std::string_view text, const NameResolver& resolve) {
  ParsedType out;
  if (text.size() > kMaxText) out.error = "longer than 10,000 characters";
  else out.type = Parser(text, resolve, out).whole();
  if (!out.error.empty()) out.type = {};
  return out;
}

}  // namespace qflow::schema
