#include "schema/typing/names.hpp"

#include <algorithm>

namespace qflow::schema {
namespace {

struct Usual {
  std::string_view written, canonical;
};
// Names without a module, and names from typing.
constexpr Usual kUsual[] = {{"List", "list"},
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

constexpr std::string_view kBuiltins[] = {"str",        "int",     "float", "bool", "bytes", "bytearray",
                                          "memoryview", "complex", "list",  "dict", "set",   "tuple",
                                          "frozenset",  "object",  "type",  "None", "range", "slice"};
constexpr std::string_view kSpecial[] = {"Any",      "Optional", "Union",    "Literal",     "Annotated",
                                         "Final",    "ClassVar", "Required", "NotRequired", "ReadOnly",
                                         "Callable", "NoReturn", "Never",    "Self",        "LiteralString",
                                         "IO",       "TextIO",   "BinaryIO", "Hashable",    "Sized"};
constexpr std::string_view kAbstract[] = {
    "Sequence",   "MutableSequence", "Mapping",    "MutableMapping", "MutableSet",    "Iterable",      "Iterator",
    "Collection", "Container",       "Reversible", "Generator",      "AsyncIterable", "AsyncIterator", "AsyncGenerator",
    "Awaitable",  "Coroutine",       "KeysView",   "ValuesView",     "ItemsView",     "MappingView",   "ByteString"};

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
    for (const std::string_view standard : {"decimal", "fractions", "pathlib", "uuid", "ipaddress", "re"})
      if (module == standard) return std::string(written);
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

}  // namespace qflow::schema
