#include "schema/typing/comparison.hpp"

#include <algorithm>

namespace qflow::schema {
namespace {

constexpr int kMaxDepth = 48;

using Kind = Type::Kind;
using Form = ClassInfo::Form;

// As in typeshed: list, dict, set and their subclasses have no hash. A protocol does not declare a hash; the class
// behind it may have none.
bool is_hashable(Side side, int& budget) {
  if (const ClassInfo* info = side.info(); info != nullptr && info->form == Form::protocol) return false;
  for (const char* name : {"collections.abc.Iterable", "collections.abc.Iterator", "collections.abc.Collection",
                           "collections.abc.Container", "collections.abc.Sized", "collections.abc.Reversible"})
    if (side.type.is(name)) return false;
  for (const char* base : {"list", "dict", "set", "bytearray"})
    if (side.type.kind == Kind::named && as_base(side.type, base, side.classes, budget)) return false;
  return true;
}

// What a connection makes of anything that can be iterated over.
bool is_made_iterator(const Type& type) {
  for (const char* name : {"collections.abc.Iterator", "collections.abc.Generator", "collections.abc.AsyncIterator",
                           "collections.abc.AsyncGenerator", "collections.abc.AsyncIterable"})
    if (type.is(name)) return true;
  return false;
}

std::string join_values(const std::vector<json::value>& values) {
  Type literal;
  literal.kind = Kind::literal;
  literal.values = values;
  return text(literal);
}

}  // namespace

// Fills `answer_` with the innermost reason when the answer is no.
bool Comparison::fits(Side s, Side t, int depth) {
  if (depth > kMaxDepth || --budget_ <= 0) return true;
  if (s.type.kind == Kind::any || t.type.kind == Kind::any || s.type.kind == Kind::never) return true;
  if (t.type.is("object")) return true;
  if (s.type.kind == Kind::union_of) return union_fits(s, t, depth);
  if (s.type.kind == Kind::literal && s.type.values.size() > 1) return literals_fit(s, t, depth);
  if (t.type.kind == Kind::union_of) return fits_union(s, t, depth);
  if (t.type.kind == Kind::never) return no(s, t);
  if (s.type.kind == Kind::none)
    return t.type.kind == Kind::none || t.type.is("collections.abc.Hashable") || is_empty_protocol(t) ||
           none_in_literal(t) || no(s, t);
  if (t.type.kind == Kind::none) return is_null_literal(s.type) || no(s, t);
  if (t.type.kind == Kind::literal) return fits_literal(s, t);
  if (s.type.kind == Kind::literal) return fits(s.with(class_of(s.type)), t, depth + 1);
  if (t.type.kind == Kind::callable) return callable_fits(s, t, depth);
  if (s.type.kind == Kind::callable) return t.type.is("collections.abc.Hashable") || no(s, t);
  if (t.type.kind == Kind::tuple) return fits_tuple(s, t, depth);
  if (t.type.is("collections.abc.Hashable"))
    return is_hashable(s, budget_) || no(s, t, "is mutable, so it has no hash");
  if (s.type.kind == Kind::tuple) {
    if (t.type.is("collections.abc.Sized")) return true;
    // Item by item, so that an Any among them does not stand for the others.
    for (const std::string_view name : {"collections.abc.Sequence", "collections.abc.Iterable",
                                        "collections.abc.Container", "collections.abc.Reversible"})
      if (t.type.arguments.size() == 1 && t.type.is(name)) return items_fit(s, t.with(t.type.arguments.front()), depth);
    const Type sequence = Type::of("collections.abc.Sequence", {element_of_tuple(s.type)});
    return class_fits(s.with(sequence), t, depth, s.type);
  }
  return class_fits(s, t, depth, s.type);
}

Assignability Comparison::take() {
  std::reverse(answer_.path.begin(), answer_.path.end());
  answer_.fits = false;
  return std::move(answer_);
}

bool Comparison::no(Side s, Side t, std::string why) {
  answer_.path.clear();
  const bool same_word = text(s.type) == text(t.type);
  answer_.reason = text(s.type) + (!why.empty() ? " " + why
                                   : same_word  ? " of one node is not " + text(t.type) + " of the other"
                                                : " is not " + text(t.type));
  answer_.source = s.type;
  answer_.target = t.type;
  return false;
}

bool Comparison::inside(std::string where, bool result) {
  if (!result) answer_.path.push_back(std::move(where));
  return result;
}

bool Comparison::union_fits(Side s, Side t, int depth) {
  for (const Type& one : s.type.arguments)
    if (!fits(s.with(one), t, depth + 1)) {
      // Report the alternative, unless its own reason is more precise.
      if (answer_.path.empty()) return no(s.with(one), t);
      return false;
    }
  return true;
}

bool Comparison::literals_fit(Side s, Side t, int depth) {
  for (const json::value& value : s.type.values) {
    Type one = s.type;
    one.values = {value};
    if (!fits(s.with(one), t, depth + 1)) return false;
  }
  return true;
}

bool Comparison::fits_union(Side s, Side t, int depth) {
  std::vector<json::value> values;
  for (const Type& one : t.type.arguments) {
    if (fits(s, t.with(one), depth + 1)) return true;
    if (one.kind == Kind::literal) values.insert(values.end(), one.values.begin(), one.values.end());
  }
  if (!values.empty() && covers(s, values, t.classes)) return true;
  // None | X: report the reason for X if there is no other alternative.
  const auto concrete = std::count_if(t.type.arguments.begin(), t.type.arguments.end(),
                                      [](const Type& one) { return one.kind != Kind::none; });
  if (concrete == 1 && !answer_.path.empty()) {
    for (const Type& one : t.type.arguments)
      if (one.kind != Kind::none) return fits(s, t.with(one), depth + 1);
  }
  return no(s, t);
}

Type Comparison::class_of(const Type& literal) {
  const std::string name = class_of_literal(literal.values.front());
  return name == "NoneType" ? Type::none() : Type::of(name);
}

bool Comparison::is_null_literal(const Type& type) {
  return type.kind == Kind::literal && type.values.front().is_null();
}

bool Comparison::none_in_literal(Side t) {
  return t.type.kind == Kind::literal &&
         std::any_of(t.type.values.begin(), t.type.values.end(), [](const json::value& v) { return v.is_null(); });
}

bool Comparison::is_empty_protocol(Side t) {
  const ClassInfo* info = t.info();
  return info != nullptr && info->form == Form::protocol && info->fields.empty();
}

// Whether `wanted` is among the values of a Literal: itself, or the same member of the same enumeration as defined by
// another node.
bool Comparison::has_value(const std::vector<json::value>& values, const Classes& own, const json::value& wanted,
                           const Classes& classes) const {
  const auto text_in = [](const json::value& member, const char* name) -> std::string {
    const json::object* object = member.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string())) : "";
  };
  const auto owner_of = [&](const json::value& member, const Classes& known) {
    const auto found = known.find(text_in(member, "enum"));
    return found == known.end() || found->second.form != Form::enumeration ? nullptr : &found->second;
  };
  const auto last_part = [](const std::string& name) { return name.substr(name.rfind('.') + 1); };
  return std::any_of(values.begin(), values.end(), [&](const json::value& one) {
    if (one == wanted) return true;
    if (!rules_.records_by_fields || text_in(one, "name") != text_in(wanted, "name")) return false;
    const ClassInfo *ours = owner_of(one, own), *theirs = owner_of(wanted, classes);
    return ours != nullptr && theirs != nullptr && ours->members == theirs->members &&
           last_part(text_in(one, "enum")) == last_part(text_in(wanted, "enum"));
  });
}

// Whether the values of a Literal include every value of a bool or an enumeration.
bool Comparison::covers(Side s, const std::vector<json::value>& values, const Classes& own) const {
  const auto has = [&](const json::value& wanted) { return has_value(values, own, wanted, s.classes); };
  if (s.type.is("bool")) return has(true) && has(false);
  const ClassInfo* info = s.info();
  if (info == nullptr || info->form != Form::enumeration || info->members.empty()) return false;
  return std::all_of(info->members.begin(), info->members.end(), [&](const auto& member) {
    return has(json::value(json::object{{"enum", s.type.name}, {"name", member.first}}));
  });
}

bool Comparison::fits_literal(Side s, Side t) {
  if (s.type.kind != Kind::literal) return covers(s, t.type.values, t.classes) || no(s, t);
  return has_value(t.type.values, t.classes, s.type.values.front(), s.classes) ||
         no(s, t, "is not one of " + join_values(t.type.values));
}

bool Comparison::fits_tuple(Side s, Side t, int depth) {
  if (s.type.kind == Kind::named) {
    const auto seen = as_base(s.type, "tuple", s.classes, budget_);
    if (!seen) return no(s, t);
    if (seen->kind == Kind::tuple) return fits(s.with(*seen), t, depth + 1);
    return true;  // a plain subclass of tuple: its elements are not known
  }
  if (s.type.kind != Kind::tuple) return no(s, t);
  if (t.type.variadic) return items_fit(s, t.with(t.type.arguments.front()), depth);
  if (s.type.variadic) {
    if (s.type.arguments.front().kind == Kind::any) return true;
    return no(s, t, "may have any length, " + text(t.type) + " has " + std::to_string(t.type.arguments.size()));
  }
  if (s.type.arguments.size() != t.type.arguments.size())
    return no(s, t,
              "has " + std::to_string(s.type.arguments.size()) + " items, " + text(t.type) + " has " +
                  std::to_string(t.type.arguments.size()));
  for (std::size_t i = 0; i < s.type.arguments.size(); ++i)
    if (!inside("item " + std::to_string(i) + " of the tuple",
                fits(s.with(s.type.arguments[i]), t.with(t.type.arguments[i]), depth + 1)))
      return false;
  return true;
}

bool Comparison::items_fit(Side tuple, Side element, int depth) {
  for (std::size_t i = 0; i < tuple.type.arguments.size(); ++i)
    if (!inside(tuple.type.variadic ? "each item of the tuple" : "item " + std::to_string(i) + " of the tuple",
                fits(tuple.with(tuple.type.arguments[i]), element, depth + 1)))
      return false;
  return true;
}

// Parameters are compared in the other direction, the result in the same one.
bool Comparison::callable_fits(Side s, Side t, int depth) {
  if (s.type.kind == Kind::named) {
    const auto own = s.classes.find(s.type.name);
    if (own != s.classes.end())
      for (const Field& field : fields_of(s.type, own->second, s.classes, budget_))
        if (field.name == "__call__" && field.method) return fits(s.with(field.type), t, depth + 1);
  }
  if (s.type.kind != Kind::callable) return no(s, t, "cannot be called");
  if (!inside("the result", fits(s.with(s.type.arguments.back()), t.with(t.type.arguments.back()), depth + 1)))
    return false;
  if (s.type.variadic || t.type.variadic) return true;
  if (s.type.arguments.size() != t.type.arguments.size()) return no(s, t, "takes a different number of arguments");
  for (std::size_t i = 0; i + 1 < s.type.arguments.size(); ++i)
    if (!inside("parameter " + std::to_string(i),
                fits({t.type.arguments[i], t.classes}, {s.type.arguments[i], s.classes}, depth + 1)))
      return false;
  return true;
}

bool Comparison::promotes(const Type& s, const Type& t, const Classes& classes) {
  if (t.is("float")) return as_base(s, "int", classes, budget_).has_value();
  if (rules_.numbers_are_registered && t.name.starts_with("numbers.")) {
    const char* as = as_base(s, "int", classes, budget_)               ? "numbers.Integral"
                     : as_base(s, "float", classes, budget_)           ? "numbers.Real"
                     : as_base(s, "complex", classes, budget_)         ? "numbers.Complex"
                     : as_base(s, "decimal.Decimal", classes, budget_) ? "numbers.Number"
                                                                       : nullptr;
    return as != nullptr && as_base(Type::of(as), t.name, classes, budget_).has_value();
  }
  if (t.is("complex")) return as_base(s, "int", classes, budget_) || as_base(s, "float", classes, budget_);
  if (t.is("bytes")) return s.is("bytearray") || s.is("memoryview");  // mypy's; deprecated by PEP 688
  return false;
}

// `shown`: the type as written, where `s` is another view of it.
bool Comparison::class_fits(Side s, Side t, int depth, const Type& shown) {
  const ClassInfo* own = s.info();
  const ClassInfo* wanted = t.info();
  if (wanted != nullptr && wanted->form == Form::typed_dict) return fits_typed_dict(s, own, t, *wanted, depth);
  if (own != nullptr && own->form == Form::typed_dict) return typed_dict_fits(s, *own, t, depth);
  // A class defined in a node is a different class in each node; a package's class is the same in all.
  const bool same_meaning = !t.type.name.starts_with("nodes.") || t.classes.count(t.type.name) == 0 ||
                            s.classes.count(t.type.name) != 0 || own == nullptr;
  if (const auto seen = as_base(s.type, t.type.name, s.classes, budget_); seen && same_meaning)
    return arguments_fit(s.with(*seen), t, depth);
  if (promotes(s.type, t.type, s.classes)) return true;
  if (rules_.iterators_are_made && is_made_iterator(t.type))
    if (const auto iterable = as_base(s.type, "collections.abc.Iterable", s.classes, budget_)) {
      const bool said = !iterable->arguments.empty() && !t.type.arguments.empty();
      return !said || inside("element 0 of the type",
                             fits(s.with(iterable->arguments[0]), t.with(t.type.arguments[0]), depth + 1));
    }
  if (own != nullptr && has_special_method(s, *own, t.type.name)) return true;
  if (wanted != nullptr) {
    if (wanted->form == Form::protocol) return fits_protocol(s, own, t, *wanted, depth);
    if (rules_.new_types && wanted->form == Form::plain && is_new_type(*wanted))
      return fits(s, t.with(wanted->generic_bases.front()), depth + 1);
    if (rules_.records_by_fields && is_record(own) && is_record(wanted)) return records_fit(s, *own, t, *wanted, depth);
    if (rules_.records_by_fields && own != nullptr && own->form == Form::enumeration &&
        wanted->form == Form::enumeration)
      return enumerations_fit(s, *own, t, *wanted);
    if (rules_.dicts_for_records && is_record(wanted) && wanted->form != Form::named_tuple)
      if (const auto mapping = as_base(s.type, "collections.abc.Mapping", s.classes, budget_))
        return mapping_fits_record(s.with(*mapping), t, *wanted, depth);
  }
  if (rules_.dicts_for_records && is_record(own) && own->form != Form::named_tuple)
    if (const auto mapping = as_base(Type::of("dict"), t.type.name, t.classes, budget_);
        mapping && t.type.name != "object")
      return record_fits_mapping(s, *own, t, depth);
  return no(s.with(shown), t);
}

bool Comparison::arguments_fit(Side s, Side t, int depth) {
  if (s.type.arguments.empty() || t.type.arguments.empty()) return true;  // Any
  std::vector<Variance> variance = variances(t.type.name, t.classes);
  const std::size_t count = std::min(s.type.arguments.size(), t.type.arguments.size());
  variance.resize(count, Variance::invariant);
  for (std::size_t i = 0; i < count; ++i) {
    const Side from = s.with(s.type.arguments[i]), to = t.with(t.type.arguments[i]);
    const std::string where = "element " + std::to_string(i) + " of the type";
    const bool backwards = variance[i] == Variance::contravariant;
    if (!backwards && !inside(where, fits(from, to, depth + 1))) return false;
    const bool both = variance[i] == Variance::invariant && !rules_.covariant_containers;
    if ((both || backwards) && !inside(where, fits(to, from, depth + 1))) {
      if (both) answer_.reason = text(s.type) + " could be given a " + text(to.type) + " (it is invariant)";
      return false;
    }
  }
  return true;
}

}  // namespace qflow::schema
