#include "schema/typing/parse.hpp"

#include <algorithm>
#include <charconv>
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
    return std::string(text_.substr(start, at_ - start));
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
      if (wrong == std::errc{} && stop == number.data() + number.size()) return json::value(real);
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

  // Ge(0), Field(ge=0, le=10), annotated_types.Len(1, 5), "a note"; what is not understood is passed over.
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

  // To the next comma or closing bracket of this level.
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

struct Usual {
  std::string_view written, canonical;
};
// Names without a module, and as typing has them.
constexpr Usual kUsual[] = {
    {"List", "list"},
    {"Dict", "dict"},
    {"Set", "set"},
    {"FrozenSet", "frozenset"},
    {"Tuple", "tuple"},
    {"Type", "type"},
    {"Text", "str"},
    {"NoneType", "None"},
    {"Deque", "collections.deque"},
    {"DefaultDict", "collections.defaultdict"},
    {"OrderedDict", "collections.OrderedDict"},
    {"Counter", "collections.Counter"},
    {"ChainMap", "collections.ChainMap"},
    {"deque", "collections.deque"},
    {"defaultdict", "collections.defaultdict"},
    {"AbstractSet", "collections.abc.Set"},
    {"Pattern", "re.Pattern"},
    {"Match", "re.Match"},
    {"Path", "pathlib.Path"},
    {"Decimal", "decimal.Decimal"},
    {"Fraction", "fractions.Fraction"},
    {"datetime", "datetime.datetime"},
    {"date", "datetime.date"},
    {"time", "datetime.time"},
    {"timedelta", "datetime.timedelta"},
    {"UUID", "uuid.UUID"},
    {"DataFrame", "pandas.DataFrame"},
    {"Series", "pandas.Series"},
    {"ndarray", "numpy.ndarray"},
    {"NDArray", "numpy.ndarray"},
    {"Tensor", "torch.Tensor"}};

constexpr std::string_view kBuiltins[] = {"str",       "int",  "float", "bool", "bytes", "bytearray", "memoryview",
                                          "complex",   "list", "dict",  "set",  "tuple", "frozenset", "object",
                                          "type",      "None", "range", "slice"};
constexpr std::string_view kSpecial[] = {"Any",      "Optional", "Union",    "Literal",     "Annotated", "Final",
                                         "ClassVar", "Required", "NotRequired", "ReadOnly", "Callable",  "NoReturn",
                                         "Never",    "Self",     "LiteralString", "IO",     "TextIO",    "BinaryIO",
                                         "Hashable", "Sized"};
constexpr std::string_view kAbstract[] = {"Sequence",      "MutableSequence", "Mapping",     "MutableMapping",
                                          "MutableSet",    "Iterable",        "Iterator",    "Collection",
                                          "Container",     "Reversible",      "Generator",   "AsyncIterable",
                                          "AsyncIterator", "AsyncGenerator",  "Awaitable",   "Coroutine",
                                          "KeysView",      "ValuesView",      "ItemsView",   "MappingView",
                                          "ByteString"};

}  // namespace

std::optional<std::string> usual_name(std::string_view written) {
  const auto dot = written.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string_view module = written.substr(0, dot), last = written.substr(dot + 1);
    if (module == "typing" || module == "t" || module == "typing_extensions" || module == "builtins")
      return usual_name(last);
    if (module == "collections.abc" || module == "abc" || module == "collections")
      return module == "collections" ? "collections." + std::string(last)
             : last == "Callable"    ? std::string("typing.Callable")
                                     : "collections.abc." + std::string(last);
    if (last == "NDArray") return std::string("numpy.ndarray");
    if (module == "np" || module == "numpy") return "numpy." + std::string(last);
    if (module == "npt") return "numpy.typing." + std::string(last);
    if (module == "pd" || module == "pandas") return "pandas." + std::string(last);
    if (module == "datetime" || module == "dt") return "datetime." + std::string(last);
    return std::nullopt;
  }
  if (std::find(std::begin(kBuiltins), std::end(kBuiltins), written) != std::end(kBuiltins))
    return std::string(written);
  if (std::find(std::begin(kSpecial), std::end(kSpecial), written) != std::end(kSpecial))
    return "typing." + std::string(written);
  if (std::find(std::begin(kAbstract), std::end(kAbstract), written) != std::end(kAbstract))
    return "collections.abc." + std::string(written);
  for (const Usual& usual : kUsual)
    if (usual.written == written) return std::string(usual.canonical);
  return std::nullopt;
}

ParsedType parse_type(std::string_view text, const NameResolver& resolve) {
  ParsedType out;
  if (text.size() > kMaxText) out.error = "longer than 10,000 characters";
  else out.type = Parser(text, resolve, out).whole();
  if (!out.error.empty()) out.type = {};
  return out;
}

Type make_type(const std::string& canonical, std::vector<Type> arguments) {
  const auto first = [&] { return arguments.empty() ? Type::any() : std::move(arguments.front()); };
  if (canonical == "None" || canonical == "NoneType" || canonical == "types.NoneType") return Type::none();
  if (canonical == "tuple") {
    Type tuple;
    tuple.kind = Type::Kind::tuple;
    tuple.variadic = true;
    tuple.arguments = {first()};
    return tuple;
  }
  if (canonical == "collections.abc.Callable") return make_type("typing.Callable", std::move(arguments));
  if (!canonical.starts_with("typing.")) return Type::of(canonical, std::move(arguments));
  const std::string_view word = std::string_view(canonical).substr(7);
  if (word == "Optional") {
    std::vector<Type> either;
    either.push_back(first());
    either.push_back(Type::none());
    return Type::either(std::move(either));
  }
  if (word == "Union") return arguments.empty() ? Type::any() : Type::either(std::move(arguments));
  if (word == "Annotated" || word == "Final" || word == "ClassVar" || word == "Required" || word == "NotRequired" ||
      word == "ReadOnly")
    return first();
  if (word == "LiteralString") return Type::of("str");
  if (word == "NoReturn" || word == "Never") {
    Type never;
    never.kind = Type::Kind::never;
    return never;
  }
  if (word == "Callable") {
    Type callable;
    callable.kind = Type::Kind::callable;
    callable.variadic = true;
    callable.arguments = {Type::any()};
    return callable;
  }
  if (word == "Hashable" || word == "Sized") return Type::of("collections.abc." + std::string(word));
  if (word == "IO" || word == "TextIO" || word == "BinaryIO") return Type::of(canonical, std::move(arguments));
  return {};  // Any, Self, a bare Literal
}

void add_limit(Type& type, std::string_view word, const json::value& value) {
  const Type* base = &type;
  if (type.kind == Type::Kind::union_of)  // Optional[...]: the one alternative that is not None
    for (const Type& one : type.arguments)
      if (one.kind != Type::Kind::none) base = &one;
  const bool text = base->is("str") || base->is("bytes");
  const bool mapping = base->is("dict") || base->is("collections.abc.Mapping");
  struct Word {
    std::string_view ours, number, text, mapping, sequence;
  };
  static constexpr Word kWords[] = {{"gt", "exclusiveMinimum", "", "", ""},
                                    {"ge", "minimum", "", "", ""},
                                    {"min", "minimum", "minLength", "minProperties", "minItems"},
                                    {"minimum", "minimum", "", "", ""},
                                    {"lt", "exclusiveMaximum", "", "", ""},
                                    {"le", "maximum", "", "", ""},
                                    {"max", "maximum", "maxLength", "maxProperties", "maxItems"},
                                    {"maximum", "maximum", "", "", ""},
                                    {"multiple_of", "multipleOf", "", "", ""},
                                    {"min_length", "", "minLength", "minProperties", "minItems"},
                                    {"min_inclusive", "", "minLength", "minProperties", "minItems"},
                                    {"max_length", "", "maxLength", "maxProperties", "maxItems"},
                                    {"min_items", "", "", "", "minItems"},
                                    {"max_items", "", "", "", "maxItems"},
                                    {"pattern", "", "pattern", "", ""},
                                    {"regex", "", "pattern", "", ""}};
  if ((word == "description" || word == "title") && value.is_string()) {
    type.limits[word] = value;
    return;
  }
  const bool number = base->is("int") || base->is("float") || base->kind == Type::Kind::union_of;
  for (const Word& known : kWords) {
    if (known.ours != word) continue;
    const std::string_view name = number    ? known.number
                                  : text    ? known.text
                                  : mapping ? known.mapping
                                            : known.sequence;
    const bool fits = name == "pattern" ? value.is_string() : value.is_number();
    if (!name.empty() && fits) type.limits[name] = value;
  }
}

std::vector<std::string_view> words_of_metadata(std::string_view class_name) {
  if (class_name == "Gt") return {"gt"};
  if (class_name == "Ge") return {"ge"};
  if (class_name == "Lt") return {"lt"};
  if (class_name == "Le") return {"le"};
  if (class_name == "MultipleOf") return {"multiple_of"};
  if (class_name == "MinLen") return {"min_length"};
  if (class_name == "MaxLen") return {"max_length"};
  if (class_name == "Len") return {"min_length", "max_length"};
  if (class_name == "Doc" || class_name == "doc") return {"description"};
  return {};
}

}  // namespace qflow::schema
