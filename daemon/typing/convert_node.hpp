// The node type qflow.convert: the documented conversions (types.md 4) as a node between two that do not fit. Any
// thread.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "schema/typing/type.hpp"

namespace qflow::typing {

/// A type as a client writes it: a documented name ("integer"), or a Python type ("list[int]"). Nothing for what is
/// neither; `problem` says why.
/// `known`: further names, as they stand; empty: none.
std::optional<schema::Type> read_type(const std::string& written, std::string& problem,
                                      const std::function<bool(std::string_view)>& known = {});

/// Python code of one function, `convert(value)`, that takes what is of type `from` and returns it as `to`. Elements of
/// lists, sets, tuples and dicts are converted too. `items`: a dict becomes a list of its pairs, not of its keys. What
/// cannot be converted raises ValueError or TypeError that says what and why.
std::string convert_code(const schema::Type& from, const schema::Type& to, bool items);

}  // namespace qflow::typing
