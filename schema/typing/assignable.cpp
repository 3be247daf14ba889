#include "schema/typing/assignable.hpp"

#include <algorithm>

#include "schema/typing/hierarchy.hpp"

namespace qflow::schema {
namespace {

constexpr int kMaxDepth = 48;

using Kind = Type::Kind;
using Form = ClassInfo::Form;

struct Side {
  const Type& type;
  const Classes& classes;
  const ClassInfo* info() const {
    if (type.kind != Kind::named) return nullptr;
    const auto found = classes.find(type.name);
    return found == classes.end() ? nullptr : &found->second;
  }
  Side with(const Type& other) const { return {other, classes}; }
};

bool is_record(const ClassInfo* info) {
  return info != nullptr && (info->form == Form::dataclass || info->form == Form::model ||
                             info->form == Form::named_tuple || info->form == Form::typed_dict);
}

// As typeshed has it: list, dict, set and what is made of them have no hash. A protocol says nothing of one; what stands
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

std::string join_values(const std::vector<json::value>& values) {
  Type literal;
  literal.kind = Kind::literal;
  literal.values = values;
  return text(literal);
}

class Comparison {
 public:
  explicit Comparison(const Rules& rules) : rules_(rules) {}

  // Fills `answer_` with the innermost reason when the answer is no.
  bool fits(Side s, Side t, int depth = 0) {
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
    if (t.type.is("collections.abc.Hashable")) return is_hashable(s, budget_) || no(s, t, "can be changed, so has no hash");
    if (s.type.kind == Kind::tuple) {
      if (t.type.is("collections.abc.Sized")) return true;
      const Type sequence = Type::of("collections.abc.Sequence", {element_of_tuple(s.type)});
      return class_fits(s.with(sequence), t, depth, s.type);
    }
    return class_fits(s, t, depth, s.type);
  }

  Assignability take() {
    std::reverse(answer_.path.begin(), answer_.path.end());
    answer_.fits = false;
    return std::move(answer_);
  }

 private:
  bool no(Side s, Side t, std::string why = {}) {
    answer_.path.clear();
    answer_.reason = text(s.type) + (why.empty() ? " is not " + text(t.type) : " " + why);
    answer_.source = s.type;
    answer_.target = t.type;
    return false;
  }
  bool inside(std::string where, bool result) {
    if (!result) answer_.path.push_back(std::move(where));
    return result;
  }

  bool union_fits(Side s, Side t, int depth) {
    for (const Type& one : s.type.arguments)
      if (!fits(s.with(one), t, depth + 1)) {
        // The alternative is the reason, unless it says more itself.
        if (answer_.path.empty()) return no(s.with(one), t);
        return false;
      }
    return true;
  }

  bool literals_fit(Side s, Side t, int depth) {
    for (const json::value& value : s.type.values) {
      Type one = s.type;
      one.values = {value};
      if (!fits(s.with(one), t, depth + 1)) return false;
    }
    return true;
  }

  bool fits_union(Side s, Side t, int depth) {
    std::vector<json::value> values;
    for (const Type& one : t.type.arguments) {
      if (fits(s, t.with(one), depth + 1)) return true;
      if (one.kind == Kind::literal) values.insert(values.end(), one.values.begin(), one.values.end());
    }
    if (!values.empty() && covers(s, values)) return true;
    // None | X: what X says is the reason, where there is only X.
    const auto concrete = std::count_if(t.type.arguments.begin(), t.type.arguments.end(),
                                        [](const Type& one) { return one.kind != Kind::none; });
    if (concrete == 1 && !answer_.path.empty()) {
      for (const Type& one : t.type.arguments)
        if (one.kind != Kind::none) return fits(s, t.with(one), depth + 1);
    }
    return no(s, t);
  }

  static Type class_of(const Type& literal) {
    const std::string name = class_of_literal(literal.values.front());
    return name == "NoneType" ? Type::none() : Type::of(name);
  }
  static bool is_null_literal(const Type& type) { return type.kind == Kind::literal && type.values.front().is_null(); }
  static bool none_in_literal(Side t) {
    return t.type.kind == Kind::literal &&
           std::any_of(t.type.values.begin(), t.type.values.end(), [](const json::value& v) { return v.is_null(); });
  }
  static bool is_empty_protocol(Side t) {
    const ClassInfo* info = t.info();
    return info != nullptr && info->form == Form::protocol && info->fields.empty();
  }

  // Every value that a bool or an enumeration can have is among `values`.
  static bool covers(Side s, const std::vector<json::value>& values) {
    const auto has = [&](const json::value& wanted) {
      return std::find(values.begin(), values.end(), wanted) != values.end();
    };
    if (s.type.is("bool")) return has(true) && has(false);
    const ClassInfo* info = s.info();
    if (info == nullptr || info->form != Form::enumeration || info->members.empty()) return false;
    return std::all_of(info->members.begin(), info->members.end(), [&](const auto& member) {
      return has(json::value(json::object{{"enum", s.type.name}, {"name", member.first}}));
    });
  }

  bool fits_literal(Side s, Side t) {
    if (s.type.kind != Kind::literal) return covers(s, t.type.values) || no(s, t);
    const json::value& wanted = s.type.values.front();
    const bool found = std::find(t.type.values.begin(), t.type.values.end(), wanted) != t.type.values.end();
    return found || no(s, t, "is none of " + join_values(t.type.values));
  }

  bool fits_tuple(Side s, Side t, int depth) {
    if (s.type.kind == Kind::named) {
      const auto seen = as_base(s.type, "tuple", s.classes, budget_);
      if (!seen) return no(s, t);
      if (seen->kind == Kind::tuple) return fits(s.with(*seen), t, depth + 1);
      return true;  // a plain subclass of tuple: its elements are not known
    }
    if (s.type.kind != Kind::tuple) return no(s, t);
    if (t.type.variadic) {
      for (std::size_t i = 0; i < s.type.arguments.size(); ++i)
        if (!inside(s.type.variadic ? "each item of the tuple" : "item " + std::to_string(i) + " of the tuple",
                    fits(s.with(s.type.arguments[i]), t.with(t.type.arguments.front()), depth + 1)))
          return false;
      return true;
    }
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

  // Parameters the other way round, the result as it is.
  bool callable_fits(Side s, Side t, int depth) {
    if (s.type.kind != Kind::callable) return no(s, t, "cannot be called");
    if (!inside("the result", fits(s.with(s.type.arguments.back()), t.with(t.type.arguments.back()), depth + 1)))
      return false;
    if (s.type.variadic || t.type.variadic) return true;
    if (s.type.arguments.size() != t.type.arguments.size()) return no(s, t, "takes another number of arguments");
    for (std::size_t i = 0; i + 1 < s.type.arguments.size(); ++i)
      if (!inside("parameter " + std::to_string(i),
                  fits({t.type.arguments[i], t.classes}, {s.type.arguments[i], s.classes}, depth + 1)))
        return false;
    return true;
  }

  bool promotes(const Type& s, const Type& t, const Classes& classes) {
    if (t.is("float")) return as_base(s, "int", classes, budget_).has_value();
    if (t.is("complex")) return as_base(s, "int", classes, budget_) || as_base(s, "float", classes, budget_);
    if (t.is("bytes")) return s.is("bytearray") || s.is("memoryview");  // mypy's; deprecated by PEP 688
    return false;
  }

  // `shown`: the type as it is written, where `s` is another view of it.
  bool class_fits(Side s, Side t, int depth, const Type& shown) {
    const ClassInfo* own = s.info();
    const ClassInfo* wanted = t.info();
    if (wanted != nullptr && wanted->form == Form::typed_dict) return fits_typed_dict(s, own, t, *wanted, depth);
    if (own != nullptr && own->form == Form::typed_dict) return typed_dict_fits(s, *own, t, depth);
    const bool same_meaning = t.classes.count(t.type.name) == 0 || s.classes.count(t.type.name) != 0 || own == nullptr;
    if (const auto seen = as_base(s.type, t.type.name, s.classes, budget_); seen && same_meaning)
      return arguments_fit(s.with(*seen), t, depth);
    if (promotes(s.type, t.type, s.classes)) return true;
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
      if (const auto mapping = as_base(Type::of("dict"), t.type.name, t.classes, budget_); mapping && t.type.name != "object")
        return record_fits_mapping(s, *own, t, depth);
    return no(s.with(shown), t);
  }

  // Python's own protocols of one method.
  bool has_special_method(Side s, const ClassInfo& own, std::string_view protocol) {
    static constexpr std::pair<std::string_view, std::string_view> kMethods[] = {
        {"collections.abc.Sized", "__len__"},
        {"collections.abc.Iterable", "__iter__"},
        {"collections.abc.Iterator", "__next__"},
        {"collections.abc.Container", "__contains__"}};
    for (const auto& [name, method] : kMethods)
      if (name == protocol) return field_of(fields_of(s.type, own, s.classes, budget_), std::string(method)) != nullptr;
    return false;
  }

  // A NewType is kept as a class whose first base with arguments is what it was made of.
  static bool is_new_type(const ClassInfo& info) {
    return !info.generic_bases.empty() && std::find(info.bases.begin(), info.bases.end(), "NewType") != info.bases.end();
  }

  bool arguments_fit(Side s, Side t, int depth) {
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

  bool same(Side a, Side b, int depth) { return fits(a, b, depth) && fits(b, a, depth); }

  static const Field* field_of(const std::vector<Field>& fields, const std::string& name) {
    for (const Field& field : fields)
      if (field.name == name) return &field;
    return nullptr;
  }

  bool fits_typed_dict(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth) {
    if (own == nullptr || own->form != Form::typed_dict) {
      if (!rules_.dicts_for_records) return no(s, t);
      if (is_record(own) && own->form != Form::named_tuple) return records_fit(s, *own, t, wanted, depth);
      if (const auto mapping = as_base(s.type, "collections.abc.Mapping", s.classes, budget_))
        return mapping_fits_record(s.with(*mapping), t, wanted, depth);
      return no(s, t);
    }
    return records_fit(s, *own, t, wanted, depth);
  }

  bool typed_dict_fits(Side s, const ClassInfo& own, Side t, int depth) {
    if (t.type.is("collections.abc.Sized")) return true;
    if (const ClassInfo* wanted = t.info(); wanted != nullptr) {
      if (wanted->form == Form::protocol) return fits_protocol(s, &own, t, *wanted, depth);
      if (rules_.dicts_for_records && is_record(wanted)) return records_fit(s, own, t, *wanted, depth);
      return no(s, t);
    }
    const Type mapping = Type::of("collections.abc.Mapping", {Type::of("str"), Type::of("object")});
    if (as_base(mapping, t.type.name, s.classes, budget_))
      return !rules_.dicts_for_records ? fits(s.with(mapping), t, depth + 1) : record_fits_mapping(s, own, t, depth);
    if (rules_.dicts_for_records && as_base(Type::of("dict"), t.type.name, s.classes, budget_))
      return record_fits_mapping(s, own, t, depth);
    return no(s, t);
  }

  // Every field that is asked for is there and fits.
  bool records_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted, int depth) {
    if (is_assumed(s, t)) return true;
    const Assuming here(assumptions_, s.type, t.type);
    const bool typed_dicts = own.form == Form::typed_dict && wanted.form == Form::typed_dict;
    const std::vector<Field> mine = fields_of(s.type, own, s.classes, budget_),
                             theirs = fields_of(t.type, wanted, t.classes, budget_);
    const bool strict = typed_dicts && !rules_.loose_members;
    for (const Field& field : theirs) {
      if (field.method) continue;
      const Field* found = field_of(mine, field.name);
      if (found == nullptr) {
        if (!field.required && !strict) continue;
        return no(s, t, "has no field '" + field.name + "', which " + text(t.type) + " needs");
      }
      if (strict ? found->required != field.required : field.required && typed_dicts && !found->required)
        return no(s, t, (found->required ? "always has the field '" : "may lack the field '") + field.name + "'");
      const Side from = s.with(found->type), to = t.with(field.type);
      if (!inside("field '" + field.name + "'", strict ? same(from, to, depth + 1) : fits(from, to, depth + 1)))
        return false;
    }
    return true;
  }

  bool enumerations_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted) {
    for (const auto& [name, value] : own.members)
      if (std::find(wanted.members.begin(), wanted.members.end(), std::pair(name, value)) == wanted.members.end())
        return no(s, t, "has the member " + name + ", which " + text(t.type) + " has not");
    return true;
  }

  bool mapping_fits_record(Side mapping, Side t, const ClassInfo& wanted, int depth) {
    if (mapping.type.arguments.size() < 2) return true;
    if (!inside("the keys", fits(mapping.with(mapping.type.arguments[0]), t.with(Type::of("str")), depth + 1)))
      return false;
    for (const Field& field : fields_of(t.type, wanted, t.classes, budget_))
      if (!field.method && !inside("field '" + field.name + "'",
                  fits(mapping.with(mapping.type.arguments[1]), t.with(field.type), depth + 1)))
        return false;
    return true;
  }

  bool record_fits_mapping(Side s, const ClassInfo& own, Side t, int depth) {
    const auto& arguments = t.type.arguments;
    if (arguments.empty()) return true;
    if (!inside("the keys", fits({Type::of("str"), s.classes}, t.with(arguments[0]), depth + 1))) return false;
    if (arguments.size() < 2) return true;
    for (const Field& field : fields_of(s.type, own, s.classes, budget_))
      if (!field.method && !inside("field '" + field.name + "'", fits(s.with(field.type), t.with(arguments[1]), depth + 1)))
        return false;
    return true;
  }

  bool fits_protocol(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth) {
    if (is_assumed(s, t)) return true;
    const Assuming here(assumptions_, s.type, t.type);
    const std::vector<Field> mine = own == nullptr ? std::vector<Field>{} : fields_of(s.type, *own, s.classes, budget_);
    for (const Field& field : fields_of(t.type, wanted, t.classes, budget_)) {
      const Field* found = field_of(mine, field.name);
      if (found == nullptr) {
        if (builtin_has_member(s.type, field.name, s.classes, budget_)) continue;
        return no(s, t, "has no " + std::string(field.method ? "method" : "attribute") + " '" + field.name +
                            "', which " + text(t.type) + " needs");
      }
      const Side from = s.with(found->type), to = t.with(field.type);
      const bool settable = !field.read_only && !field.method && !rules_.loose_members;
      if (settable && found->read_only)
        return no(s, t, "does not let '" + field.name + "' be assigned to");
      if (!inside((field.method ? "method '" : "attribute '") + field.name + "'",
                  settable ? same(from, to, depth + 1) : fits(from, to, depth + 1)))
        return false;
    }
    return true;
  }

  // A type that mentions itself: what is being decided is taken for true meanwhile.
  using Assumptions = std::vector<std::pair<Type, Type>>;
  struct Assuming {
    Assumptions& all;
    Assuming(Assumptions& assumptions, const Type& source, const Type& target) : all(assumptions) {
      all.emplace_back(source, target);
    }
    ~Assuming() { all.pop_back(); }
    Assuming(const Assuming&) = delete;
    Assuming& operator=(const Assuming&) = delete;
  };
  bool is_assumed(Side s, Side t) const {
    return std::any_of(assumptions_.begin(), assumptions_.end(),
                       [&](const auto& one) { return one.first == s.type && one.second == t.type; });
  }

  const Rules& rules_;
  Assignability answer_;
  Assumptions assumptions_;
  int budget_ = kLooks;  ///< of the whole question: classes come from workers and may be made to be expensive
};

}  // namespace

Assignability assignable(const Type& source, const Classes& source_classes, const Type& target,
                         const Classes& target_classes, const Rules& rules) {
  Comparison comparison(rules);
  if (comparison.fits({source, source_classes}, {target, target_classes})) return {};
  return comparison.take();
}

std::string explain(const Type& source, const Type& target, const Assignability& answer) {
  std::string out = text(source) + " → " + text(target);
  if (answer.fits) return out + ": fits";
  for (const std::string& where : answer.path) out += ": " + where;
  // The whole types need no repeating.
  return out + ": " + answer.reason;
}

}  // namespace qflow::schema
