// A Python exception in readable form: type, message, traceback, the line in the node's own code. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <string>

#include "pyhost/node/modules.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Describes `error`. `file`: the node's own file; the line reported is the innermost line in it. Never throws: an
/// exception whose text cannot be read is described by its type.
schema::Raised describe(pybind11::error_already_set& error, const Modules& modules, const std::string& file);

/// The status with which a process ends that this exception ends, as `python` has it; what it prints then is printed.
int exit_status(pybind11::error_already_set& error);

/// What has failed in another process: {type, message, traceback}; what is missing is empty.
schema::Raised failure_of(const schema::json::value& said);

/// Without what pybind11 appends: where an exception was raised.
std::string first_line(std::string text);

/// Flushes sys.stdout and sys.stderr. Objects that the node put in their place may fail, which is ignored.
void flush_standard_streams();

}  // namespace qflow::pyhost
