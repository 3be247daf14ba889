#include "pyhost/process/branches.hpp"

#include <Python.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/denied.hpp"
#include "sandbox/inner.hpp"

namespace qflow::pyhost {
namespace {

constexpr std::size_t kMostLeaving = 4096;  // a node may have waited for them itself

// As far as Python knows of them; the daemon has asked the kernel.
bool has_threads() {
  PyObject* threading = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  if (threading == nullptr) return false;
  PyObject* active = PyObject_GetAttrString(threading, "_active");
  const Py_ssize_t count = active == nullptr ? -1 : PyObject_Size(active);
  Py_XDECREF(active);
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return count > 1;
}

}  // namespace

pid_t Branches::fork(std::uint32_t number, std::vector<sandbox::UniqueFd>& channels) {
  reap();
  std::vector<sandbox::UniqueFd> own;
  own.swap(channels);
  if (has_threads()) {
    errno = EBUSY;
    return -1;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return -1;
  sandbox::UniqueFd reading(ends[0]), writing(ends[1]);
  PyOS_BeforeFork();
  const pid_t pid = ::fork();
  const int error = errno;
  if (pid != 0) {
    PyOS_AfterFork_Parent();
    if (pid > 0) {
      from_[number] = std::move(reading);
      living_[number] = pid;
    }
    errno = error;
    return pid;
  }
  const sandbox::StepFailure failure = sandbox::take_channels({own.at(0).get(), own.at(1).get(), own.at(2).get()});
  if (failure.step != nullptr) ::_exit(1);
  sandbox::keep_own_files();
  sandbox::report_denials_as({});
  own.clear();
  living_.clear();
  leaving_.clear();
  to_[number] = std::move(writing);
  PyOS_AfterFork_Child();
  return 0;
}

void Branches::drop(std::uint32_t number, pid_t pid) {
  from_.erase(number);
  const auto own = living_.extract(number);
  if (own) leaving_.push_back(own.mapped());
  else if (pid > 0 && pid != ::getpid()) leaving_.push_back(pid);
  if (leaving_.size() > kMostLeaving) leaving_.erase(leaving_.begin());
  reap();
}

void Branches::reap() {
  std::erase_if(leaving_, [](pid_t pid) {
    const pid_t got = ::waitpid(pid, nullptr, WNOHANG);
    return got == pid || (got < 0 && errno == ECHILD);
  });
}

}  // namespace qflow::pyhost
