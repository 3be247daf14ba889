// Part of comparison.hpp: TypedDicts, dataclasses, models, enumerations, protocols.
#include <algorithm>

#include "schema/typing/comparison.hpp"

namespace qflow::schema {

using Kind = Type::Kind;
using Form = ClassInfo::Form;

bool is_record(const ClassInfo* info) {
  return info != nullptr && (info->form == Form::dataclass || info->form == Form::model ||
                             info->form == Form::named_tuple || info->form == Form::typed_dict);
}

// Python's own single-method protocols.
bool Comparison::has_special_method(Side s, const ClassInfo& own, std::string_view protocol) {
  static constexpr std::pair<std::string_view, std::string_view> kMethods[] = {
      {"collections.abc.Sized", "__len__"},
      {"collections.abc.Iterable", "__iter__"},
      {"collections.abc.Iterator", "__next__"},
      {"collections.abc.Container", "__contains__"}};
  for (const auto& [name, method] : kMethods)
    if (name == protocol) return field_of(fields_of(s.type, own, s.classes, budget_), std::string(method)) != nullptr;
  return false;
}

// A NewType is kept as a class whose first generic base is the type that it was made from.
bool Comparison::is_new_type(const ClassInfo& info) {
  return !info.generic_bases.empty() && std::find(info.bases.begin(), info.bases.end(), "NewType") != info.bases.end();
}

bool Comparison::same(Side a, Side b, int depth) { return fits(a, b, depth) && fits(b, a, depth); }

bool Comparison::fits_typed_dict(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth) {
  if (own == nullptr || own->form != Form::typed_dict) {
    if (!rules_.dicts_for_records) return no(s, t);
    if (is_record(own) && own->form != Form::named_tuple) return records_fit(s, *own, t, wanted, depth);
    if (const auto mapping = as_base(s.type, "collections.abc.Mapping", s.classes, budget_))
      return mapping_fits_record(s.with(*mapping), t, wanted, depth);
    return no(s, t);
  }
  return records_fit(s, *own, t, wanted, depth);
}

bool Comparison::typed_dict_fits(Side s, const ClassInfo& own, Side t, int depth) {
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

// Whether every wanted field is present and fits.
bool Comparison::records_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted, int depth) {
  if (is_assumed(s, t)) return true;
  const Assuming here(assumptions_, s.type, t.type);
  const bool typed_dicts = own.form == Form::typed_dict && wanted.form == Form::typed_dict;
  const std::vector<Field> mine = fields_of(s.type, own, s.classes, budget_),
                           theirs = fields_of(t.type, wanted, t.classes, budget_);
  const bool strict = typed_dicts && !rules_.loose_members;
  for (const Field& field : theirs) {
    if (field.method || field.init_only) continue;
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

bool Comparison::enumerations_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted) {
  for (const auto& [name, value] : own.members)
    if (std::find(wanted.members.begin(), wanted.members.end(), std::pair(name, value)) == wanted.members.end())
      return no(s, t, "has the member " + name + ", which " + text(t.type) + " does not have");
  return true;
}

bool Comparison::mapping_fits_record(Side mapping, Side t, const ClassInfo& wanted, int depth) {
  if (mapping.type.arguments.size() < 2) return true;
  if (!inside("the keys", fits(mapping.with(mapping.type.arguments[0]), t.with(Type::of("str")), depth + 1)))
    return false;
  for (const Field& field : fields_of(t.type, wanted, t.classes, budget_))
    if (!field.method && !inside("field '" + field.name + "'",
                                 fits(mapping.with(mapping.type.arguments[1]), t.with(field.type), depth + 1)))
      return false;
  return true;
}

bool Comparison::record_fits_mapping(Side s, const ClassInfo& own, Side t, int depth) {
  const auto& arguments = t.type.arguments;
  if (arguments.empty()) return true;
  if (!inside("the keys", fits({Type::of("str"), s.classes}, t.with(arguments[0]), depth + 1))) return false;
  if (arguments.size() < 2) return true;
  for (const Field& field : fields_of(s.type, own, s.classes, budget_))
    if (!field.method &&
        !inside("field '" + field.name + "'", fits(s.with(field.type), t.with(arguments[1]), depth + 1)))
      return false;
  return true;
}

bool Comparison::fits_protocol(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth) {
  if (is_assumed(s, t)) return true;
  const Assuming here(assumptions_, s.type, t.type);
  const std::vector<Field> mine = own == nullptr ? std::vector<Field>{} : fields_of(s.type, *own, s.classes, budget_);
  for (const Field& field : fields_of(t.type, wanted, t.classes, budget_)) {
    const Field* found = field_of(mine, field.name);
    if (found == nullptr) {
      if (builtin_has_member(s.type, field.name, s.classes, budget_)) continue;
      return no(s, t,
                "has no " + std::string(field.method ? "method" : "attribute") + " '" + field.name + "', which " +
                    text(t.type) + " needs");
    }
    const Side from = s.with(found->type), to = t.with(field.type);
    const bool settable = !field.read_only && !field.method && !rules_.loose_members;
    if (settable && found->read_only) return no(s, t, "does not let '" + field.name + "' be assigned to");
    if (!inside((field.method ? "method '" : "attribute '") + field.name + "'",
                settable ? same(from, to, depth + 1) : fits(from, to, depth + 1)))
      return false;
  }
  return true;
}

bool Comparison::is_assumed(Side s, Side t) const {
  return std::any_of(assumptions_.begin(), assumptions_.end(),
                     [&](const auto& one) { return one.first == s.type && one.second == t.type; });
}

}  // namespace qflow::schema
