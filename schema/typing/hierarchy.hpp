// What Python's own classes inherit from, as typeshed has it, and how classes are seen as one of their bases. Any
// thread.
#pragma once
#include "schema/typing/type.hpp"

namespace qflow::schema {

enum class Variance { invariant, covariant, contravariant };

/// The variance of each type argument of a class; empty for a class without arguments, or an unknown one.
std::vector<Variance> variances(const std::string& name, const Classes& classes);

/// `type`, a class, seen as its base `base`: list[int] as collections.abc.Iterable is Iterable[int]. Nothing when it is
/// no subclass. Classes come from workers, so they may inherit from themselves and grow on the way: `budget` is what
/// may be spent on looking, in parts of types; it is counted down, and at 0 nothing more is found.
std::optional<Type> as_base(const Type& type, std::string_view base, const Classes& classes, int& budget);

/// The direct bases of a class with their arguments filled in.
std::vector<Type> bases_of(const Type& type, const Classes& classes, int& budget);

/// The fields of a class, those that it inherits among them, with its type arguments filled in.
std::vector<Field> fields_of(const Type& type, const ClassInfo& info, const Classes& classes, int& budget);

/// Whether one of Python's own classes has this method or attribute.
bool builtin_has_member(const Type& type, std::string_view member, const Classes& classes, int& budget);

/// A budget for one question.
inline constexpr int kLooks = 20'000;

/// What a tuple's elements have in common, as one type.
Type element_of_tuple(const Type& tuple);

}  // namespace qflow::schema
