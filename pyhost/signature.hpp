// What a live function says of itself: parameters in order, kinds, defaults, annotations. Worker process.
#pragma once
#include "pyhost/annotations.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// How much is said of a function.
enum class Detail {
  call,  ///< what a call needs: names, kinds, types
  full,  ///< defaults and the line as well
};

/// Follows functools.wraps, functools.partial, bound methods, objects with __call__ and classes to what is really
/// called. The types it mentions are added to `classes`.
schema::Function describe_function(const std::string& name, pybind11::handle function, MentionedClasses& classes,
                                   Detail detail);

/// What is written at a function, or at what is really called.
std::string docstring_of(pybind11::handle callable);

/// A function's type as Callable[[parameters], result]; `method`: without its first parameter.
schema::Type callable_type(const pybind11::object& function, bool method, AnnotationReader& reader);

}  // namespace qflow::pyhost
