// The embedded CPython of one pyhost: where its files are, how it starts, what it imports before workers are forked.
// Zygote process, its only thread.
#pragma once
#include <string>
#include <vector>

#include "sandbox/policy.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// "3.11": the Python this executable was built for.
std::string python_version();
/// The mounts that this interpreter needs in a sandbox: its library directories, shared libraries, time zones.
std::vector<sandbox::Mount> interpreter_mounts();
/// Starts CPython: isolated from the environment and the user, UTF-8 mode, no bytecode written. Ends the process with a
/// message when the interpreter cannot start.
void start_interpreter();

/// The result of importing modules before forking.
struct Imported {
  std::vector<std::string> modules;
  std::vector<std::string> notes;  ///< "pandas: ModuleNotFoundError: No module named 'pandas'"
  std::string started_threads;     ///< the module whose import started threads; the process must not be forked
};
/// Imports `modules` one after the other; notes a module that fails and leaves it to the worker.
Imported import_modules(const std::vector<std::string>& modules);
/// Top-level names of the modules that an import finds without loading anything: in sys.modules, or built in.
std::vector<std::string> present_modules();
/// gc.collect() and gc.freeze(): a collection in a worker would otherwise copy every page of the zygote's heap.
void freeze_heap();
/// In a branch: the objects that it shares with its worker are left alone by the garbage collector, so that their pages
/// stay shared.
void leave_heap_shared();
/// Replaces multiprocessing's resource tracker where no programs may run: the tracker is a program, and SharedMemory
/// would fail without it. What the tracker cleans up after a crash disappears with the worker's own /dev/shm.
void do_without_resource_tracker();

/// Has the packages of a virtual environment imported before all others but the library's. In the zygote, before it
/// imports anything. Throws std::runtime_error.
void use_venv(const schema::Packages& venv);

/// Whether this process has only one thread (unshare(2): CLONE_VM fails with EINVAL otherwise).
bool single_threaded();
/// In a new worker: what PyOS_AfterFork_Child does not reseed (numpy's global generator), and live line output.
void reseed_after_fork();

}  // namespace qflow::pyhost
