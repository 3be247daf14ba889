#include "schema/typing/hierarchy.hpp"

#include <algorithm>
#include <set>

#include "schema/typing/parse.hpp"

namespace qflow::schema {
namespace {

struct Row {
  const char* name;
  const char* variance;  ///< one letter per argument: i, c (covariant), n (contravariant)
  const char* bases;     ///< separated by spaces; _0 and _1 stand for the arguments
};
// typeshed's builtins.pyi, typing.pyi, collections/__init__.pyi.
constexpr Row kRows[] = {
    {"bool", "", "int"},
    {"int", "", "object"},
    {"float", "", "object"},
    {"complex", "", "object"},
    {"str", "", "collections.abc.Sequence[str]"},
    {"bytes", "", "collections.abc.ByteString"},
    {"bytearray", "", "collections.abc.MutableSequence[int] collections.abc.ByteString"},
    {"memoryview", "", "collections.abc.Sequence[int]"},
    {"range", "", "collections.abc.Sequence[int]"},
    {"collections.abc.ByteString", "", "collections.abc.Sequence[int]"},
    {"list", "i", "collections.abc.MutableSequence[_0]"},
    {"set", "i", "collections.abc.MutableSet[_0]"},
    {"frozenset", "c", "collections.abc.Set[_0]"},
    {"dict", "ii", "collections.abc.MutableMapping[_0,_1] collections.abc.Reversible[_0]"},
    {"type", "c", "object"},
    {"collections.deque", "i", "collections.abc.MutableSequence[_0]"},
    {"collections.defaultdict", "ii", "dict[_0,_1]"},
    {"collections.OrderedDict", "ii", "dict[_0,_1] collections.abc.Reversible[_0]"},
    {"collections.Counter", "i", "dict[_0,int]"},
    {"collections.ChainMap", "ii", "collections.abc.MutableMapping[_0,_1]"},
    {"collections.abc.MutableSequence", "i", "collections.abc.Sequence[_0]"},
    {"collections.abc.Sequence", "c", "collections.abc.Collection[_0] collections.abc.Reversible[_0]"},
    {"collections.abc.MutableSet", "i", "collections.abc.Set[_0]"},
    {"collections.abc.Set", "c", "collections.abc.Collection[_0]"},
    {"collections.abc.MutableMapping", "ii", "collections.abc.Mapping[_0,_1]"},
    {"collections.abc.Mapping", "ic", "collections.abc.Collection[_0]"},
    {"collections.abc.Collection", "c",
     "collections.abc.Iterable[_0] collections.abc.Container[_0] collections.abc.Sized"},
    {"collections.abc.Reversible", "c", "collections.abc.Iterable[_0]"},
    {"collections.abc.Iterable", "c", "object"},
    {"collections.abc.Container", "c", "object"},
    {"collections.abc.Sized", "", "object"},
    {"collections.abc.Iterator", "c", "collections.abc.Iterable[_0]"},
    {"collections.abc.Generator", "cnc", "collections.abc.Iterator[_0]"},
    {"collections.abc.AsyncIterable", "c", "object"},
    {"collections.abc.AsyncIterator", "c", "collections.abc.AsyncIterable[_0]"},
    {"collections.abc.AsyncGenerator", "cn", "collections.abc.AsyncIterator[_0]"},
    {"collections.abc.Awaitable", "c", "object"},
    {"collections.abc.Coroutine", "cnc", "collections.abc.Awaitable[_2]"},
    {"collections.abc.MappingView", "", "collections.abc.Sized"},
    {"collections.abc.KeysView", "c", "collections.abc.MappingView collections.abc.Set[_0]"},
    {"collections.abc.ValuesView", "c", "collections.abc.MappingView collections.abc.Collection[_0]"},
    {"collections.abc.ItemsView", "cc", "collections.abc.MappingView collections.abc.Set[tuple[_0,_1]]"},
    {"typing.IO", "i", "collections.abc.Iterator[_0]"},
    {"typing.TextIO", "", "typing.IO[str]"},
    {"typing.BinaryIO", "", "typing.IO[bytes]"},
    {"datetime.datetime", "", "datetime.date"},
    {"os.PathLike", "c", "object"},
    {"pathlib.PurePath", "", "os.PathLike[str]"},
    {"pathlib.Path", "", "pathlib.PurePath"},
    {"pathlib.PosixPath", "", "pathlib.Path"},
    {"fractions.Fraction", "", "numbers.Rational"},
    {"numbers.Integral", "", "numbers.Rational"},
    {"numbers.Rational", "", "numbers.Real"},
    {"numbers.Real", "", "numbers.Complex"},
    {"numbers.Complex", "", "numbers.Number"},
    {"decimal.Decimal", "", "object"},
    {"numpy.ndarray", "c", "object"},
    {"enum.Enum", "", "object"},
    {"enum.IntEnum", "", "int enum.Enum"},
    {"enum.StrEnum", "", "str enum.Enum"}};

struct Builtin {
  std::vector<Variance> variances;
  std::vector<Type> bases;
};

const std::map<std::string, Builtin, std::less<>>& builtins() {
  static const auto kTable = [] {
    std::map<std::string, Builtin, std::less<>> table;
    const NameResolver as_written = [](std::string_view name) { return std::optional<std::string>(name); };
    for (const Row& row : kRows) {
      Builtin& one = table[row.name];
      for (const char c : std::string_view(row.variance))
        one.variances.push_back(c == 'i'   ? Variance::invariant
                                : c == 'c' ? Variance::covariant
                                           : Variance::contravariant);
      std::string_view rest = row.bases;
      while (!rest.empty()) {
        const auto blank = rest.find(' ');
        one.bases.push_back(parse_type(rest.substr(0, blank), as_written).type);
        rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
      }
    }
    return table;
  }();
  return kTable;
}

int size_of(const Type& type) {
  int size = 1;
  for (const Type& argument : type.arguments) size += size_of(argument);
  return size;
}

// Replaces the placeholders that `argument_of` knows; returns Any once the budget is spent.
template <class F>
Type substitute(const Type& type, const F& argument_of, int& budget) {
  if (--budget <= 0) return {};
  if (type.kind == Type::Kind::named)
    if (const Type* found = argument_of(type.name)) {
      budget -= size_of(*found);
      return *found;
    }
  Type out = type;
  for (Type& argument : out.arguments) argument = substitute(argument, argument_of, budget);
  return out;
}

const Type& any() {
  static const Type kAny;
  return kAny;
}

// "~T" of a user's generic class → the argument in its place; Any where none was given.
Type fill(const Type& type, const ClassInfo& info, const std::vector<Type>& arguments, int& budget) {
  const auto argument_of = [&](const std::string& name) -> const Type* {
    if (!name.starts_with('~')) return nullptr;
    for (std::size_t i = 0; i < info.parameters.size(); ++i) {
      const std::string& parameter = info.parameters[i];
      const std::size_t bare = parameter.find_first_not_of("+-");
      if (parameter.compare(bare == std::string::npos ? 0 : bare, std::string::npos, name, 1, std::string::npos) == 0)
        return i < arguments.size() ? &arguments[i] : &any();
    }
    return &any();
  };
  return substitute(type, argument_of, budget);
}

std::optional<Type> search(const Type& type, std::string_view base, const Classes& classes, int depth, int& budget) {
  if (type.name == base) return type;
  if (depth > 32 || --budget <= 0) return std::nullopt;
  for (const Type& direct : bases_of(type, classes, budget)) {
    if (direct.kind == Type::Kind::tuple) {
      if (base == "tuple") return direct;
      const Type sequence = Type::of("collections.abc.Sequence", {element_of_tuple(direct)});
      if (auto found = search(sequence, base, classes, depth + 1, budget)) return found;
    } else if (auto found = search(direct, base, classes, depth + 1, budget)) {
      return found;
    }
  }
  return std::nullopt;
}

struct Members {
  std::string_view owner, names;
};
// Public methods that a protocol may require; dunder methods follow from the abstract bases.
constexpr Members kMembers[] = {
    {"str",
     " capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha "
     "isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower "
     "lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines "
     "startswith strip swapcase title translate upper zfill "},
    {"int", " as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real to_bytes "},
    {"float", " as_integer_ratio conjugate fromhex hex imag is_integer real "},
    {"list", " append clear copy count extend index insert pop remove reverse sort "},
    {"dict", " clear copy fromkeys get items keys pop popitem setdefault update values "},
    {"set", " add clear copy difference discard intersection isdisjoint issubset issuperset pop remove union update "},
    {"frozenset", " copy difference intersection isdisjoint issubset issuperset union "},
    {"collections.abc.Mapping", " get items keys values "},
    {"collections.abc.Sequence", " count index "},
    {"collections.abc.Iterator", " __next__ "},
    {"collections.abc.Generator", " close send throw "},
    {"collections.abc.Sized", " __len__ "},
    {"collections.abc.Iterable", " __iter__ "},
    {"collections.abc.Container", " __contains__ "},
    {"collections.abc.Sequence", " __getitem__ "},
    {"collections.abc.Mapping", " __getitem__ "},
    {"collections.abc.Reversible", " __reversed__ "},
    {"int", " __abs__ __add__ __bool__ __eq__ __float__ __index__ __int__ __lt__ __mul__ __round__ __sub__ "},
    {"float", " __abs__ __add__ __bool__ __eq__ __float__ __int__ __lt__ __mul__ __round__ __sub__ "},
    {"object", " __class__ __doc__ __eq__ __hash__ __ne__ __repr__ __str__ __format__ __init__ "}};

}  // namespace

Type element_of_tuple(const Type& tuple) {
  if (tuple.variadic) return tuple.arguments.front();
  if (tuple.arguments.empty()) {
    Type never;
    never.kind = Type::Kind::never;
    return never;
  }
  for (const Type& one : tuple.arguments)
    if (one.kind == Type::Kind::any) return {};
  return Type::either(tuple.arguments);
}

std::vector<Variance> variances(const std::string& name, const Classes& classes) {
  if (const auto found = builtins().find(name); found != builtins().end()) return found->second.variances;
  std::vector<Variance> out;
  if (const auto found = classes.find(name); found != classes.end())
    for (const std::string& parameter : found->second.parameters)
      out.push_back(parameter.starts_with('+')   ? Variance::covariant
                    : parameter.starts_with('-') ? Variance::contravariant
                                                 : Variance::invariant);
  return out;
}

std::vector<Type> bases_of(const Type& type, const Classes& classes, int& budget) {
  std::vector<Type> out;
  if (const auto found = builtins().find(type.name); found != builtins().end()) {
    for (const Type& base : found->second.bases)
      out.push_back(substitute(
          base,
          [&](const std::string& name) -> const Type* {
            if (name.size() != 2 || name[0] != '_') return nullptr;
            const auto index = static_cast<std::size_t>(name[1] - '0');
            return index < type.arguments.size() ? &type.arguments[index] : &any();
          },
          budget));
    return out;
  }
  const auto found = classes.find(type.name);
  if (found == classes.end()) return out;
  const ClassInfo& info = found->second;
  if (info.form == ClassInfo::Form::named_tuple) {
    Type tuple;
    tuple.kind = Type::Kind::tuple;
    for (const Field& field : info.fields) tuple.arguments.push_back(fill(field.type, info, type.arguments, budget));
    out.push_back(std::move(tuple));
  }
  for (const Type& base : info.generic_bases) out.push_back(fill(base, info, type.arguments, budget));
  const std::size_t generic = out.size();
  for (const std::string& base : info.bases) {
    const bool given = std::any_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(generic),
                                   [&](const Type& one) { return one.name == base; });
    if (!given && base != "tuple") out.push_back(Type::of(base));
  }
  return out;
}

std::optional<Type> as_base(const Type& type, std::string_view base, const Classes& classes, int& budget) {
  return search(type, base, classes, 0, budget);
}

std::vector<Field> fields_of(const Type& type, const ClassInfo& info, const Classes& classes, int& budget) {
  std::vector<Field> out;
  std::set<std::string, std::less<>> seen;
  const auto add = [&](Field field) {
    if (seen.insert(field.name).second) out.push_back(std::move(field));
  };
  for (Field field : info.fields) {
    if (!info.parameters.empty() || !info.generic_bases.empty())
      field.type = fill(field.type, info, type.arguments, budget);
    add(std::move(field));
  }
  // Breadth first: close enough to the method resolution order here. Bounded, because a worker sent the classes.
  std::vector<Type> todo = bases_of(type, classes, budget);
  for (std::size_t i = 0; i < todo.size() && i < 100 && budget > 0; ++i) {
    const auto found = classes.find(todo[i].name);
    if (todo[i].kind != Type::Kind::named || found == classes.end()) continue;
    const Type base = todo[i];
    for (Field field : found->second.fields) {
      field.type = fill(field.type, found->second, base.arguments, budget);
      add(std::move(field));
    }
    for (Type& next : bases_of(base, classes, budget)) todo.push_back(std::move(next));
  }
  return out;
}

bool builtin_has_member(const Type& type, std::string_view member, const Classes& classes, int& budget) {
  const std::string wanted = " " + std::string(member) + " ";
  for (const Members& row : kMembers)
    if (row.names.find(wanted) != std::string_view::npos &&
        (row.owner == "object" || as_base(type, row.owner, classes, budget)))
      return true;
  return false;
}

}  // namespace qflow::schema
