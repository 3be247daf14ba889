// The bases of Python's own classes, as in typeshed, and classes viewed as one of their bases. Any thread.
#pragma once
#include "schema/typing/type.hpp"

namespace qflow::schema {

enum class Variance { invariant, covariant, contravariant };

/// The variance of each type argument of a class; empty for a class without arguments, or an unknown class.
std::vector<Variance> variances(const std::string& name, const Classes& classes);

/// The class `type` viewed as its base `base`: list[int] as collections.abc.Iterable is Iterable[int]. Nothing if it is
/// not a subclass. Classes come from workers, so they may inherit from themselves and grow with every step: `budget`
/// limits the search, in parts of types; it is counted down, and at 0 nothing more is found.
std::optional<Type> as_base(const Type& type, std::string_view base, const Classes& classes, int& budget);

/// The direct bases of a class with their arguments filled in.
std::vector<Type> bases_of(const Type& type, const Classes& classes, int& budget);

/// The fields of a class, inherited ones included, with its type arguments filled in.
std::vector<Field> fields_of(const Type& type, const ClassInfo& info, const Classes& classes, int& budget);

/// Whether one of Python's own classes has this method or attribute.
bool builtin_has_member(const Type& type, std::string_view member, const Classes& classes, int& budget);

/// The budget for one comparison.
inline constexpr int kLooks = 20'000;

/// One type for all elements of a tuple.
Type element_of_tuple(const Type& tuple);

}  // namespace qflow::schema
