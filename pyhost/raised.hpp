// A Python exception as people should read it: type, message, traceback, the line in the node's own code. Worker
// process.
#pragma once
#include <pybind11/pybind11.h>

#include <string>

#include "pyhost/modules.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Describes `error`. `file`: the node's own; the line reported is the innermost in it. Never throws: an exception
/// whose own text fails is described by its type.
schema::Raised describe(pybind11::error_already_set& error, const Modules& modules, const std::string& file);

/// Writes out what sys.stdout and sys.stderr still hold; what the node put in their place may fail, which is ignored.
void flush_standard_streams();

}  // namespace qflow::pyhost
