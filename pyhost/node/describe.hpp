// Describes a node's source without running it, using the Python code in analysis/, which is part of this program.
// Worker process; a zygote has already compiled that code.
#pragma once
#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The name that asks a zygote to have analysis.py ready, as if it were a module to import.
inline constexpr const char* kAnalysisModule = "_qflow_analysis";

/// The module made from analysis/analysis.py; compiled once per process.
pybind11::object analysis_module();

/// The static description of `source` as JSON text (schema/description.hpp reads it), or nothing if `source` does not
/// parse or is too large to describe.
std::optional<std::string> analyse(const std::string& source);

/// Those of `names`, functions at the top level of `source`, that nothing else in it uses. Throws error_already_set for
/// source that is not Python.
std::vector<std::string> unused_functions(const std::string& source, const std::vector<std::string>& names);

/// Adds what a docstring says about a function, its parameters and its result.
void add_docstring(schema::Function& function, const std::string& docstring);

/// Counts os.fork() from now on, in this process.
void watch_forks();
bool has_forked();

}  // namespace qflow::pyhost
