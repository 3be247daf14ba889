// The documented type of a Python type (schema/types.md 6): the outer type on which the matrix decides. Any thread.
#pragma once
#include <functional>

#include "schema/typing/type.hpp"

namespace qflow::schema {

/// The documented type of a port.
struct DocumentedName {
  std::string name = "any";
  bool nullable = false;                  ///< None fits too
  std::vector<std::string> alternatives;  ///< of a union of several types: a connection fits when any of them does
};

/// The registered custom type that stands for a class, by its name with or without module; nothing if there is none.
using CustomTypeOf = std::function<std::optional<std::string>(std::string_view class_name)>;

DocumentedName documented(const Type& type, const Classes& classes, const CustomTypeOf& custom = {});

/// The Python type of a documented name: "integer" → int, "number" → int | float, "dataframe" → pandas.DataFrame.
Type type_of_documented(std::string_view name);

}  // namespace qflow::schema
