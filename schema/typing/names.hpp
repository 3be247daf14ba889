// The names used in type expressions, and the special forms among them. Any thread.
#pragma once
#include <functional>

#include "schema/typing/type.hpp"

namespace qflow::schema {

/// The canonical form of a name as written ("np.ndarray" → "numpy.ndarray"), or nothing for an unknown name.
using NameResolver = std::function<std::optional<std::string>(std::string_view written)>;

/// Resolves Python's own names, the names of typing and collections.abc, and the usual aliases np, pd, t.
std::optional<std::string> usual_name(std::string_view written);

/// A type from a canonical name and its arguments, the special forms included: ("typing.Optional", [int]) →
/// int | None, ("list", []) → list, ("tuple", []) → tuple[Any, ...]. Missing arguments mean Any.
Type make_type(const std::string& canonical, std::vector<Type> arguments);

}  // namespace qflow::schema
