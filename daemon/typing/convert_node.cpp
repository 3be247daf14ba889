#include "daemon/typing/convert_node.hpp"

#include <fmt/format.h>

#include "schema/documented_types.hpp"
#include "schema/typing/documented_name.hpp"
#include "schema/typing/parse.hpp"

namespace qflow::typing {
namespace {

using schema::Type;
using Kind = Type::Kind;

// Shared by all conversions: `_to(value, target, at)`, where `target` is a tuple of the kind and its parts.
constexpr const char* kConversions = R"(
def _name(value):
    return type(value).__name__


def _fail(value, what, at):
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise ValueError("%s%s %s cannot be converted to %s" % (at and "at %s: " % at, _name(value), shown, what))


def _to_integer(value, at):
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            _fail(value, "an integer", at)
    if isinstance(value, (bool, int)):
        return int(value)
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        _fail(value, "an integer", at)
    return whole if whole == value else _fail(value, "an integer: it is not whole", at)


def _to_float(value, at):
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        _fail(value, "a float", at)


def _to_number(value, at):
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            return _to_float(value, at)
    if isinstance(value, (int, float)):
        return value
    return _to_float(value, at)


def _to_list(value, at):
    if isinstance(value, dict):
        return list(value.items()) if ITEMS else list(value)
    if isinstance(value, (str, bytes)):
        _fail(value, "a list", at)
    try:
        return value.tolist() if hasattr(value, "tolist") else list(value)
    except TypeError:
        _fail(value, "a list", at)


def _to_dict(value, at):
    if isinstance(value, dict):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "model_dump"):
        return value.model_dump()
    try:
        return dict(value)
    except (TypeError, ValueError):
        _fail(value, "a dict, which needs [name, value] pairs", at)


def _to_array(value, at):
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    import numpy
    return numpy.asarray(value)


def _to_tensor(value, at):
    try:
        import torch
    except ImportError:
        _fail(value, "a tensor: PyTorch is not installed", at)
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def _to_frame(value, at):
    import pandas
    return value if isinstance(value, pandas.DataFrame) else pandas.DataFrame(value)


def _to_null(value, at):
    return None if value is None else _fail(value, "null", at)


PLAIN = {"any": lambda value, at: value, "int": _to_integer, "float": _to_float, "number": _to_number, "null": _to_null,
         "str": lambda value, at: value if isinstance(value, str) else str(value), "bool": lambda value, at: bool(value),
         "array": _to_array, "tensor": _to_tensor, "frame": _to_frame}


def _to(value, target, at=""):
    kind, parts = target[0], target[1:]
    if kind == "nullable":
        return None if value is None else _to(value, parts[0], at)
    if value is None and kind not in ("any", "null"):
        raise ValueError("%snull converts to nothing else" % (at and "at %s: " % at))
    if kind in PLAIN:
        return PLAIN[kind](value, at)
    if kind == "dict":
        return {_to(key, parts[0], "%s/%s" % (at, key)): _to(one, parts[1], "%s/%s" % (at, key))
                for key, one in _to_dict(value, at).items()}
    if kind == "each":
        values = _to_list(value, at)
        if len(values) != len(parts) - 1:
            _fail(value, "a tuple of %d" % (len(parts) - 1), at)
        return tuple(_to(one, part, "%s/%d" % (at, i)) for i, (one, part) in enumerate(zip(values, parts[1:])))
    made = [_to(one, parts[1], "%s/%d" % (at, i)) for i, one in enumerate(_to_list(value, at))]
    return parts[0](made)
)";

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
      const std::string inner = numbers                ? "('number',)"
                                : concrete.size() == 1 ? target_of(concrete.front())
                                                       : "('any',)";
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
  if (type.is("int") || type.is("float") || type.is("str") || type.is("bool")) return "('" + type.name + "',)";
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

std::string convert_code(const Type& from, const Type& to, bool items) {
  const auto annotation = [](const char* before, const Type& type) {
    return type.kind == Kind::any ? std::string() : before + schema::text(type);
  };
  return fmt::format(
      "from __future__ import annotations\n\nITEMS = {}\n{}\n\ndef convert(value{}){}:\n    return _to(value, {})\n",
      items ? "True" : "False", kConversions, annotation(": ", from), annotation(" -> ", to), target_of(to));
}

}  // namespace qflow::typing
