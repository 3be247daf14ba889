// Describes a live function: parameters in order, kinds, defaults, annotations. Worker process.
#pragma once
#include "pyhost/types/annotations.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// How much of a function to describe.
enum class Detail {
  call,  ///< what a call needs: names, kinds, types
  full,  ///< defaults and the line as well
};

/// Follows functools.wraps, functools.partial, bound methods, objects with __call__ and classes to the function that is
/// really called. Adds the classes that its types mention to `classes`.
schema::Function describe_function(const std::string& name, pybind11::handle function, MentionedClasses& classes,
                                   Detail detail);

/// The docstring of a callable, or of the function that is really called.
std::string docstring_of(pybind11::handle callable);

/// A function's type as Callable[[parameters], result]; `method`: without its first parameter.
schema::Type callable_type(const pybind11::object& function, bool method, AnnotationReader& reader);

}  // namespace qflow::pyhost
