#include "daemon/typing/link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "schema/typing/hierarchy.hpp"
#include "schema/typing/names.hpp"
#include "schema/typing/parse.hpp"

namespace qflow::typing {
namespace {

using schema::Classes;
using schema::DocumentedName;
using schema::Type;

const Classes kNone;

const Classes& classes_of(const LinkEnd& end) { return end.classes == nullptr ? kNone : *end.classes; }

DocumentedName documented_of(const LinkEnd& end, const Catalog& catalog) {
  if (end.type.kind == Type::Kind::any && !end.declared.empty()) {
    DocumentedName out;
    out.name = std::string(schema::builtin_type(end.declared).value_or(end.declared));
    return out;
  }
  return catalog.documented(end.type, classes_of(end));
}

std::vector<std::string> names_of(const DocumentedName& type) {
  return type.alternatives.empty() ? std::vector<std::string>{type.name} : type.alternatives;
}

// Compares the outer types: any fitting pair of alternatives will do.
schema::Compatibility outer(const DocumentedName& source, const DocumentedName& target, const Catalog& catalog) {
  if (source.name == "null" && target.nullable) return {true, false, {}};
  schema::Compatibility best;
  for (const std::string& from : names_of(source))
    for (const std::string& to : names_of(target)) {
      const schema::Compatibility one = catalog.compatibility(from, to);
      if (one.compatible && !one.conversion_required) return one;
      if (one.compatible || (!best.compatible && one.conversion_required)) best = one;
    }
  return best;
}

std::string shown(const DocumentedName& type) {
  if (type.alternatives.empty()) return type.name;
  return fmt::format("{}", fmt::join(type.alternatives, " or "));
}

// The method that converts the part that does not fit: int() for a str where an int is required.
std::string method_for(const Type& source, const Type& target, const Catalog& catalog) {
  if (target.kind == Type::Kind::literal) return {};  // no conversion can promise one of a few values
  const auto from = catalog.documented(source, kNone), to = catalog.documented(target, kNone);
  if (from.name == "any" || to.name == "any") return {};
  return std::string(schema::compatibility(from.name, to.name).method);
}

constexpr std::pair<const char*, const char*> kDocumented[] = {
    {"string", "integer"},     {"string", "float"},      {"string", "number"},  {"number", "string"},
    {"integer", "string"},     {"float", "string"},      {"boolean", "string"}, {"float", "integer"},
    {"number", "integer"},     {"integer", "float"},     {"list", "dict"},      {"dict", "list"},
    {"list", "tuple"},         {"list", "set"},          {"tuple", "list"},     {"set", "list"},
    {"tensor", "numpy_array"}, {"numpy_array", "tensor"}};

const std::vector<Converter>& documented_converters() {
  static const std::vector<Converter> kConverters = [] {
    std::vector<Converter> out;
    for (const auto& [source, target] : kDocumented)
      out.push_back({std::string(schema::compatibility(source, target).method),
                     "",
                     "",
                     "",
                     schema::type_of_documented(source),
                     schema::type_of_documented(target),
                     {}});
    return out;
  }();
  return kConverters;
}

// A tuple or a set passes into a list as a list of its elements (schema/types.md 3).
Type as_passed(const Type& source, const DocumentedName& from, const DocumentedName& to) {
  const bool into_list = to.name == "list" || to.name == "array";
  if (!into_list || (from.name != "tuple" && from.name != "set")) return source;
  if (source.kind == Type::Kind::tuple) return Type::of("list", {schema::element_of_tuple(source)});
  if (source.is("set") || source.is("frozenset")) return Type::of("list", source.arguments);
  return source;
}

Type without_none(const Type& type) {
  if (type.kind != Type::Kind::union_of) return type;
  std::vector<Type> rest;
  for (const Type& one : type.arguments)
    if (one.kind != Type::Kind::none) rest.push_back(one);
  return rest.empty() ? type : Type::either(std::move(rest));
}

// Whether a value of `source` may be passed as it is to a converter's input, or a converter's output to `target`.
bool takes(const LinkEnd& source, const LinkEnd& target, const Catalog& catalog) {
  // A class without a documented name says nothing about a port that has only a documented name.
  const auto unknown = [&](const LinkEnd& end, const LinkEnd& other) {
    return !other.declared.empty() && other.type.kind == Type::Kind::any && documented_of(end, catalog).name == "any" &&
           documented_of(other, catalog).name != "any";
  };
  if (unknown(source, target) || unknown(target, source)) return false;
  const Link link = check_link(source, target, catalog);
  return link.compatible && link.fits && !(link.conversion_required && link.method != "int()");
}

LinkEnd input_of(const Converter& c) { return {c.source, &c.classes, {}}; }
LinkEnd output_of(const Converter& c) { return {c.target, &c.classes, {}}; }

// `any` as input or output says nothing about a converter's purpose.
bool is_concrete(const LinkEnd& end) { return end.type.kind != Type::Kind::any || !end.declared.empty(); }

// Whether the parameters of qflow.convert can name this type: it contains none of a user's classes.
bool is_writable(const Type& type) {
  if (type.kind == Type::Kind::named && type.name.find('.') != std::string::npos &&
      schema::usual_name(schema::text(Type::of(type.name))) != type.name)
    return false;
  return std::all_of(type.arguments.begin(), type.arguments.end(), is_writable);
}

bool is_dict(const Type& type) { return type.is("dict") || type.name.starts_with("collections.abc."); }

// A documented converter as it would be used between these two ends: with the types of the elements, so that they are
// converted and checked as well. Nothing where it could not work: a dict from elements that are not pairs, a user's
// class inside.
std::optional<Converter> between(const Converter& converter, const LinkEnd& source, const LinkEnd& target,
                                 const Catalog& catalog) {
  if (!converter.node_id.empty() || source.type.kind == Type::Kind::any || target.type.kind == Type::Kind::any)
    return converter;
  const bool bare = source.type.arguments.empty() || target.type.arguments.empty();
  const Type element = source.type.kind == Type::Kind::tuple ? schema::element_of_tuple(source.type)
                       : source.type.arguments.empty()       ? Type::any()
                                                             : source.type.arguments.front();
  const bool into_dict = converter.target.is("dict");
  if (into_dict && !is_dict(target.type)) return std::nullopt;
  const bool pair = element.kind == Type::Kind::any || element.is("list") ||
                    (element.kind == Type::Kind::tuple && (element.variadic || element.arguments.size() == 2));
  if (into_dict && !pair) return std::nullopt;
  if (converter.source.is("dict") && !bare) {
    const LinkEnd keys{Type::of("list", {element}), source.classes, {}};
    if (!takes(keys, target, catalog)) return std::nullopt;
  }
  const bool elements = !source.type.arguments.empty() || !target.type.arguments.empty();
  if (!elements) return converter;
  if (!is_writable(source.type) || !is_writable(target.type)) return bare ? std::optional(converter) : std::nullopt;
  Converter out = converter;
  out.source = source.type;
  out.target = target.type;
  return out;
}

// list[str] → list[int], dict[str, str] → dict[str, float]: the same outer type, elements that can be converted.
std::optional<Converter> elementwise(const LinkEnd& source, const LinkEnd& target, const Link& link,
                                     const Catalog& catalog) {
  if (!link.compatible || link.fits) return std::nullopt;
  const auto answer = schema::assignable(source.type, classes_of(source), target.type, classes_of(target));
  const std::string method = method_for(answer.source, answer.target, catalog);
  if (method.empty() || answer.path.empty()) return std::nullopt;
  if (!is_writable(source.type) || !is_writable(target.type)) return std::nullopt;
  Converter out{method, "", "", "", source.type, target.type, classes_of(source)};
  return out;
}

}  // namespace

std::string shown(const LinkEnd& end) {
  return end.type.kind == Type::Kind::any && !end.declared.empty() ? end.declared : schema::text(end.type);
}

Link check_link(const LinkEnd& source, const LinkEnd& target, const Catalog& catalog, int* looks) {
  Link out;
  out.source = documented_of(source, catalog);
  out.target = documented_of(target, catalog);
  const schema::Compatibility fits = outer(out.source, out.target, catalog);
  out.compatible = fits.compatible;
  out.conversion_required = fits.conversion_required;
  out.method = std::string(fits.method);
  const bool both_written = source.type.kind != Type::Kind::any && target.type.kind != Type::Kind::any;
  // The matrix knows names only. Between annotations, what Python's typing lets pass passes: int where a float is
  // declared, bool where an int is, alone or in a union; whatever can be iterated over, for an abstract collection. A
  // None that may come is not a question of the outer type.
  if (!out.compatible && both_written &&
      schema::assignable(without_none(source.type), classes_of(source), target.type, classes_of(target),
                         schema::Rules::typing(), looks)
          .fits) {
    out.compatible = true;
    out.conversion_required = false;
    out.method.clear();
  }
  const auto answer = schema::assignable(as_passed(source.type, out.source, out.target), classes_of(source),
                                         target.type, classes_of(target), schema::Rules{}, looks);
  if (!out.compatible) {
    out.fits = false;
    out.explanation =
        fmt::format("{} → {}: {} does not fit {}", shown(source), shown(target), shown(out.source), shown(out.target));
    if (both_written && !answer.fits && !answer.path.empty())
      out.explanation = schema::explain(source.type, target.type, answer);
  } else if (!answer.fits && !(out.conversion_required && answer.path.empty())) {
    out.fits = false;
    out.explanation = schema::explain(source.type, target.type, answer);
  } else if (out.conversion_required) {
    out.explanation = fmt::format("{} → {}: fits, by {}", shown(source), shown(target), out.method);
    return out;
  } else {
    out.explanation = fmt::format("{} → {}: fits", shown(source), shown(target));
    return out;
  }
  const std::string inner = out.method.empty() ? method_for(answer.source, answer.target, catalog) : out.method;
  if (!inner.empty()) out.explanation += "; converter: " + inner;
  if (out.method.empty() && !out.fits) out.method = inner;
  return out;
}

std::vector<Suggestion> suggest(const LinkEnd& source, const LinkEnd& target, const Catalog& catalog) {
  std::vector<Suggestion> out;
  const Link link = check_link(source, target, catalog);
  if (auto one = elementwise(source, target, link, catalog)) out.push_back({{std::move(*one)}});
  if (!is_concrete(source) || !is_concrete(target)) return out;
  std::vector<const Converter*> all;
  for (const Converter& one : documented_converters()) all.push_back(&one);
  for (const Converter& one : catalog.converters()) all.push_back(&one);
  std::vector<const Converter*> first, last;
  for (const Converter* one : all) {
    const bool begins = takes(source, input_of(*one), catalog), ends = takes(output_of(*one), target, catalog);
    if (begins && ends && out.size() < 10)
      if (auto used = between(*one, source, target, catalog)) out.push_back({{std::move(*used)}});
    if (begins && !ends) first.push_back(one);
    if (ends && !begins) last.push_back(one);
  }
  // Of several converters with one name, keep the one that is made for exactly this type.
  std::stable_sort(out.begin(), out.end(), [&](const Suggestion& a, const Suggestion& b) {
    const auto exact = [&](const Suggestion& one) { return one.path.front().source == source.type; };
    return exact(a) && !exact(b);
  });
  std::set<std::string> names;
  std::erase_if(out, [&](const Suggestion& one) {
    return one.path.front().node_id.empty() && !names.insert(one.path.front().name).second;
  });
  if (!out.empty()) return out;
  const auto name_of = [&](const Type& type) { return catalog.documented(type, kNone).name; };
  const std::string from = documented_of(source, catalog).name, to = documented_of(target, catalog).name;
  int pairs = 400;  // only the first of many pairs: an answer must not cost more than it is worth
  for (const Converter* one : first)
    for (const Converter* two : last) {
      if (--pairs < 0) return out;
      // There and back again converts nothing; the text of True is not a number.
      const bool round = from == to && name_of(two->target) == name_of(one->source);
      const bool text_of_truth = from == "boolean" && name_of(one->target) == "string" && to != "string";
      if (round || text_of_truth) continue;
      if (out.size() < 10 && takes(output_of(*one), input_of(*two), catalog) &&
          names.insert(one->name + " " + one->node_id + ", " + two->name + " " + two->node_id).second)
        out.push_back({{*one, *two}});
    }
  return out;
}

json::object Suggestion::to_json() const {
  json::array nodes, types;
  std::string name;
  for (const Converter& one : path) {
    name += (name.empty() ? "" : ", then ") + one.name;
    if (types.empty()) types.push_back(json::value(schema::text(one.source)));
    types.push_back(json::value(schema::text(one.target)));
    json::object node{{"type", one.node_id.empty() ? "qflow.convert" : "qflow.python"}};
    if (one.node_id.empty())
      node["parameters"] = json::object{{"from", schema::text(one.source)}, {"to", schema::text(one.target)}};
    else
      // Somebody's code among mine: without what my workflow may reach.
      node["parameters"] = json::object{
          {"code", one.code}, {"function", one.function}, {"sandbox", {{"network", "none"}, {"programs", false}}}};
    if (!one.node_id.empty()) {
      node["library_node"] = one.node_id;
      node["author"] = one.author;
    }
    nodes.push_back(std::move(node));
  }
  return {{"converter", name}, {"nodes", std::move(nodes)}, {"path", std::move(types)}};
}

}  // namespace qflow::typing
