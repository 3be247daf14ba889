// What a node's source says without being run, by the Python in analysis/, which is part of this program. Worker
// process; a zygote has it compiled already.
#pragma once
#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The name under which a zygote is asked to have analysis.py ready, as if it were a module to import.
inline constexpr const char* kAnalysisModule = "_qflow_analysis";

/// The module made of analysis/analysis.py; compiled once in a process.
pybind11::object analysis_module();

/// The static description of `source` as JSON text (schema/description.hpp reads it), or nothing: it does not parse, or
/// is too large to be described.
std::optional<std::string> analyse(const std::string& source);

/// Adds what a docstring says of a function, its parameters and its result.
void add_docstring(schema::Function& function, const std::string& docstring);

/// Counts os.fork() from now on, in this process.
void watch_forks();
bool has_forked();

}  // namespace qflow::pyhost
