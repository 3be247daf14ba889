#include "pyhost/process/audit_hook.hpp"

#include <Python.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstring>
#include <stdexcept>

#include "sandbox/denied.hpp"

namespace qflow::pyhost {
namespace {

struct Watched {
  bool programs;
  bool sockets;
};
Watched g_watched;  // the hook outlives every scope

bool starts_program(const char* event) {
  for (const char* name : {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"})
    if (std::strcmp(event, name) == 0) return true;
  return false;
}

// Programs without which the packages that ask for them do as well, so that a report need not name them: the platform
// module (pandas imports it) asks for the processor's name, matplotlib for the host's fonts.
constexpr const char* kUnimportant[][2] = {{"uname", "-p"}, {"fc-list", "--help"}};

bool is_unimportant(const char* event, PyObject* arguments) {
  if (std::strcmp(event, "subprocess.Popen") != 0 || PyTuple_GET_SIZE(arguments) < 2) return false;
  PyObject* command = PyTuple_GET_ITEM(arguments, 1);
  if (PyTuple_CheckExact(command) == 0 && PyList_CheckExact(command) == 0) return false;
  if (PySequence_Fast_GET_SIZE(command) != 2) return false;
  const auto is = [command](Py_ssize_t index, const char* text) {
    PyObject* word = PySequence_Fast_GET_ITEM(command, index);
    return PyUnicode_CheckExact(word) != 0 && PyUnicode_CompareWithASCIIString(word, text) == 0;
  };
  for (const auto& [program, option] : kUnimportant)
    if (is(0, program) && is(1, option)) return true;
  return false;
}

// Called for every audited event, thousands in an import, so the usual case returns after one comparison.
int hook(const char* event, PyObject* arguments, void*) {
  if (event[0] != 's' && event[0] != 'o') return 0;
  if (g_watched.programs && starts_program(event)) {
    if (is_unimportant(event, arguments)) return 0;
    sandbox::report_denial({SYS_execve, {}});
  } else if (g_watched.sockets && std::strcmp(event, "socket.__new__") == 0 && PyTuple_GET_SIZE(arguments) > 1) {
    const long family = PyLong_AsLong(PyTuple_GET_ITEM(arguments, 1));
    const long type = PyTuple_GET_SIZE(arguments) > 2 ? PyLong_AsLong(PyTuple_GET_ITEM(arguments, 2)) : 0;
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
    sandbox::report_denial({SYS_socket, {static_cast<std::uint64_t>(family), static_cast<std::uint64_t>(type)}});
  }
  return 0;
}

}  // namespace

void watch_audit_events(const sandbox::Policy& policy) {
  // Where programs may run, the filter answers without a trap, so denied sockets are named here.
  g_watched = {!policy.programs, policy.programs && policy.network == sandbox::Network::none};
  if (PySys_AddAuditHook(hook, nullptr) < 0) throw std::runtime_error("PySys_AddAuditHook failed");
}

}  // namespace qflow::pyhost
