// The decision behind assignable(), in two files: types in general (comparison.cpp), classes with fields (records.cpp).
// Private to this folder.
#pragma once
#include "schema/typing/assignable.hpp"
#include "schema/typing/hierarchy.hpp"

namespace qflow::schema {

/// A type with the classes that explain it.
struct Side {
  const Type& type;
  const Classes& classes;
  const ClassInfo* info() const {
    if (type.kind != Type::Kind::named) return nullptr;
    const auto found = classes.find(type.name);
    return found == classes.end() ? nullptr : &found->second;
  }
  Side with(const Type& other) const { return {other, classes}; }
};

/// Whether values of the class have named fields.
bool is_record(const ClassInfo* info);

class Comparison {
 public:
  Comparison(const Rules& rules, int budget) : rules_(rules), budget_(budget) {}

  /// If it returns false, take() returns the innermost reason.
  bool fits(Side s, Side t, int depth = 0);
  Assignability take();
  /// What is left of the budget; never negative.
  int left() const { return budget_ < 0 ? 0 : budget_; }

 private:
  bool no(Side s, Side t, std::string why = {});
  bool inside(std::string where, bool result);
  bool union_fits(Side s, Side t, int depth);
  bool literals_fit(Side s, Side t, int depth);
  bool fits_union(Side s, Side t, int depth);
  static Type class_of(const Type& literal);
  static bool is_null_literal(const Type& type);
  static bool none_in_literal(Side t);
  static bool is_empty_protocol(Side t);
  bool has_value(const std::vector<json::value>& values, const Classes& own, const json::value& wanted,
                 const Classes& classes) const;
  bool covers(Side s, const std::vector<json::value>& values, const Classes& own) const;
  bool fits_literal(Side s, Side t);
  bool fits_tuple(Side s, Side t, int depth);
  bool items_fit(Side tuple, Side element, int depth);
  bool callable_fits(Side s, Side t, int depth);
  bool promotes(const Type& s, const Type& t, const Classes& classes);
  bool class_fits(Side s, Side t, int depth, const Type& shown);
  bool has_special_method(Side s, const ClassInfo& own, std::string_view protocol);
  static bool is_new_type(const ClassInfo& info);
  bool arguments_fit(Side s, Side t, int depth);
  bool same(Side a, Side b, int depth);
  static const Field* field_of(const std::vector<Field>& fields, const std::string& name) {
    for (const Field& field : fields)
      if (field.name == name) return &field;
    return nullptr;
  }

  bool fits_typed_dict(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth);
  bool typed_dict_fits(Side s, const ClassInfo& own, Side t, int depth);
  bool records_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted, int depth);
  bool enumerations_fit(Side s, const ClassInfo& own, Side t, const ClassInfo& wanted);
  bool mapping_fits_record(Side mapping, Side t, const ClassInfo& wanted, int depth);
  bool record_fits_mapping(Side s, const ClassInfo& own, Side t, int depth);
  bool fits_protocol(Side s, const ClassInfo* own, Side t, const ClassInfo& wanted, int depth);

  // For types that mention themselves: a pair whose comparison is in progress is assumed to fit.
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
  bool is_assumed(Side s, Side t) const;

  const Rules& rules_;
  Assignability answer_;
  Assumptions assumptions_;
  int budget_;  ///< of the whole comparison: classes come from workers and may be crafted to be expensive
};

}  // namespace qflow::schema
