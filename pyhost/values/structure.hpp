// What stands for a value that JSON does not have: a table by its rows, a date by its text. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>

namespace qflow::pyhost {

/// Plain data for the "value" of a tagged value (schema/types.md 7), or null when only its repr is known. `type`: its
/// type_name(). `whole`: leave nothing out; otherwise sets `cut` when something was left out. Throws error_already_set
/// and cast_error from the value's own code.
pybind11::object structure_of(pybind11::handle value, const std::string& type, bool whole, bool& cut);

/// At least how many bytes the whole value takes as JSON, where that can be told at once: text, bytes, arrays, tables.
std::optional<std::uint64_t> least_json_bytes(const pybind11::object& value);

}  // namespace qflow::pyhost
