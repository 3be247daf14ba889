#include "daemon/typing/convert_node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convert_node_py.hpp"

#include "schema/documented_types.hpp"
#include "schema/typing/documented_name.hpp"
#include "schema/typing/names.hpp"
#include "schema/typing/parse.hpp"

namespace qflow::typing {
namespace {

using schema::Type;
using Kind = Type::Kind;

// Types that convert_node.py has a conversion to, without parts.
constexpr std::string_view kPlain[] = {"int",           "float",           "str",
                                       "bool",          "bytes",           "bytearray",
                                       "complex",       "datetime.date",   "datetime.datetime",
                                       "datetime.time", "pathlib.Path",    "datetime.timedelta",
                                       "uuid.UUID",     "decimal.Decimal", "fractions.Fraction"};
// And those with parts, or with another name there.
constexpr std::string_view kOthers[] = {"list",          "set",          "frozenset",       "dict",
                                        "numpy.ndarray", "torch.Tensor", "pandas.DataFrame"};

// The target as a Python expression for _to().
std::string target_of(const Type& type) {
  switch (type.kind) {
    case Kind::none:
      return "('null',)";
    case Kind::union_of: {
      std::vector<Type> concrete;
      bool nullable = false, numbers = true;
      for (const Type& one : type.arguments) {
        if (one.kind == Kind::none) nullable = true;
        else concrete.push_back(one);
        numbers = numbers && (one.is("int") || one.is("float") || one.kind == Kind::none);
      }
      std::string either = "('either'";
      for (const Type& one : concrete) either += ", " + target_of(one);
      const std::string inner = numbers                ? "('number',)"
                                : concrete.size() == 1 ? target_of(concrete.front())
                                                       : either + ")";
      return nullable ? "('nullable', " + inner + ")" : inner;
    }
    case Kind::tuple: {
      if (type.variadic) return "('of', tuple, " + target_of(type.arguments.front()) + ")";
      std::string out = "('each', tuple";
      for (const Type& one : type.arguments) out += ", " + target_of(one);
      return out + ")";
    }
    case Kind::named:
      break;
    default:
      return "('any',)";
  }
  const auto argument = [&](std::size_t i) {
    return i < type.arguments.size() ? target_of(type.arguments[i]) : "('any',)";
  };
  if (std::find(std::begin(kPlain), std::end(kPlain), type.name) != std::end(kPlain)) return "('" + type.name + "',)";
  if (type.is("list") || type.is("set") || type.is("frozenset"))
    return "('of', " + type.name + ", " + argument(0) + ")";
  if (type.is("dict")) return "('dict', " + argument(0) + ", " + argument(1) + ")";
  if (type.is("numpy.ndarray")) return "('array',)";
  if (type.is("torch.Tensor")) return "('tensor',)";
  if (type.is("pandas.DataFrame")) return "('frame',)";
  if (type.name.starts_with("collections.abc."))
    return type.name.find("Mapping") != std::string::npos ? "('dict', " + argument(0) + ", " + argument(1) + ")"
                                                          : "('of', list, " + argument(0) + ")";
  return "('any',)";
}

}  // namespace

std::optional<Type> read_type(const std::string& written, std::string& problem,
                              const std::function<bool(std::string_view)>& known_name) {
  if (const auto known = schema::builtin_type(written)) {
    if (written == *known) return schema::type_of_documented(*known);
  }
  schema::ParsedType parsed = schema::parse_type(written, [&](std::string_view name) {
    if (known_name && known_name(name)) return std::optional<std::string>(name);
    return schema::usual_name(name);
  });
  if (!parsed.error.empty()) {
    problem = fmt::format("\"{}\" is not a type: {}", written, parsed.error);
    return std::nullopt;
  }
  if (!parsed.unknown.empty()) {
    problem = fmt::format("no type is named \"{}\"", parsed.unknown.front());
    return std::nullopt;
  }
  return std::move(parsed.type);
}

std::optional<std::string> unconvertible(const Type& type) {
  const auto has = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), type.name) != std::end(names);
  };
  if (type.kind == Kind::named && type.name != "object" && !type.name.starts_with("collections.abc.") && !has(kPlain) &&
      !has(kOthers))
    return schema::text(type);
  if (type.kind == Kind::callable || type.kind == Kind::literal) return schema::text(type);
  for (const Type& one : type.arguments)
    if (auto inner = unconvertible(one)) return inner;
  return std::nullopt;
}

std::string convert_code(const Type& from, const Type& to, bool items) {
  const auto annotation = [](const char* before, const Type& type) {
    return type.kind == Kind::any ? std::string() : before + schema::text(type);
  };
  return fmt::format(
      "from __future__ import annotations\n\nITEMS = {}\n{}\n\ndef convert(value{}){}:\n    return _to(value, {})\n",
      items ? "True" : "False", kConversionsPy, annotation(": ", from), annotation(" -> ", to), target_of(to));
}

}  // namespace qflow::typing
