// The node type qflow.convert: the documented conversions (schema/types.md 4) as a node between two nodes that do not
// fit. Any thread.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "schema/typing/type.hpp"

namespace qflow::typing {

/// Reads a type as a client writes it: a documented name ("integer") or a Python type ("list[int]"). Returns nothing
/// for anything else; `problem` then says why.
/// `known`: accepts further names as they are written; empty: none.
std::optional<schema::Type> read_type(const std::string& written, std::string& problem,
                                      const std::function<bool(std::string_view)>& known = {});

/// The part of a type that qflow.convert cannot make, as it is written; nothing when it can make all of it.
std::optional<std::string> unconvertible(const schema::Type& type);

/// Python code of one function, `convert(value)`, that takes a value of type `from` and returns it as `to`. Elements of
/// lists, sets, tuples and dicts are converted too. `items`: a dict becomes a list of its pairs, not of its keys. For a
/// value that cannot be converted it raises a ValueError or TypeError that names the value and the reason.
std::string convert_code(const schema::Type& from, const schema::Type& to, bool items);

}  // namespace qflow::typing
