#include "pyhost/process/interpreter.hpp"

#include "pyhost/node/describe.hpp"
#include "pyhost/types/annotations.hpp"

#include <fcntl.h>
#include <pybind11/pybind11.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "sandbox/sys.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

void start(PyStatus status) {
  if (PyStatus_Exception(status) != 0) Py_ExitStatusException(status);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// Directories that are no data of a program, or show what a host has installed.
bool is_data(std::string_view name) {
  for (const std::string_view other :
       {"doc",   "man",  "info",    "lintian",  "bug",       "doc-base",   "applications", "pixmaps",
        "icons", "menu", "locale",  "perl5",    "python3",   "dh-python",  "debhelper",    "bash-completion",
        "zsh",   "fish", "gtk-doc", "metainfo", "reportbug", "python-apt", "python-wheels"})
    if (name == other) return false;
  return !name.empty();
}

// What Debian's Python packages read at import and have outside the library: the directories in /usr/share and the
// files in /etc that the packages named python3-* and python-*-data list (dpkg's own lists, /var/lib/dpkg/info).
std::vector<sandbox::Mount> debian_data() {
  namespace fs = std::filesystem;
  std::vector<sandbox::Mount> mounts;
  if (!std::string_view(QFLOW_PYTHON_EXECUTABLE).starts_with("/usr/bin/")) return mounts;
  std::set<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/var/lib/dpkg/info", error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("python") || !name.ends_with(".list") || name.starts_with("python3.")) continue;
    std::ifstream list(entry.path());
    for (std::string line; std::getline(list, line);) {
      constexpr std::string_view kShare = "/usr/share/", kEtc = "/etc/";
      if (line.starts_with(kShare)) {
        const std::string part = line.substr(kShare.size(), line.find('/', kShare.size()) - kShare.size());
        if (is_data(part)) paths.insert(std::string(kShare) + part);
      } else if (line.starts_with(kEtc) && line.find('/', kEtc.size()) == std::string::npos &&
                 fs::is_regular_file(line, error)) {
        paths.insert(line);
      }
    }
  }
  // Debian's certifi hands out the system's certificates.
  if (fs::exists("/usr/lib/python3/dist-packages/certifi", error)) paths.insert("/etc/ssl/certs");
  for (const std::string& path : paths)
    if (fs::exists(path, error)) mounts.push_back({path, true});
  return mounts;
}

// Python's sys.stdout and sys.stderr look once, when they are made, whether their descriptors can seek. In a worker
// these are pipes, whatever they are in the zygote: while this exists, they are pipes here, too.
class PipesForOutput {
 public:
  PipesForOutput() {
    int ends[2];
    sandbox::check(::pipe2(ends, O_CLOEXEC), "pipe2");
    const sandbox::UniqueFd reading(ends[0]), writing(ends[1]);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      const int fd = STDOUT_FILENO + static_cast<int>(i);
      own_[i] = sandbox::UniqueFd(sandbox::check(::fcntl(fd, F_DUPFD_CLOEXEC, 10), "fcntl"));
      sandbox::check(::dup2(writing.get(), fd), "dup2");
    }
  }
  ~PipesForOutput() {
    for (std::size_t i = 0; i < own_.size(); ++i) ::dup2(own_[i].get(), STDOUT_FILENO + static_cast<int>(i));
  }
  PipesForOutput(const PipesForOutput&) = delete;
  PipesForOutput& operator=(const PipesForOutput&) = delete;

 private:
  std::array<sandbox::UniqueFd, 2> own_;
};

}  // namespace

std::string python_version() { return QFLOW_PYTHON_VERSION; }

std::vector<sandbox::Mount> interpreter_mounts() {
  std::vector<sandbox::Mount> mounts = debian_data();
  for (std::string& path : split(QFLOW_PYTHON_MOUNTS, ':')) mounts.push_back({std::move(path), true});
  for (const char* path : {
           "/usr/lib/" QFLOW_MULTIARCH, "/usr/lib64",  // shared libraries and the loader
           "/etc/ld.so.cache",
           "/etc/alternatives",                 // Debian finds libblas.so.3 through it
           "/usr/share/zoneinfo",               // zoneinfo
           "/usr/lib/locale",                   // setlocale(LC_ALL, "")
           "/etc/python" QFLOW_PYTHON_VERSION,  // the target of Debian's sitecustomize.py
       })
    mounts.push_back({path, true});
  return mounts;
}

void start_interpreter() {
  ::unsetenv("LD_BIND_NOW");  // it was meant for this process only
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("HOME", sandbox::kWorkDirectory.data(), 1);
  ::setenv("TMPDIR", "/tmp", 1);
  // A process in which a library started its thread pool on import could not be forked.
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"})
    ::setenv(name, "1", 1);
  PyPreConfig pre;
  PyPreConfig_InitIsolatedConfig(&pre);
  pre.utf8_mode = 1;
  pre.configure_locale = 1;  // LC_CTYPE as LC_ALL says: C.UTF-8
  start(Py_PreInitialize(&pre));
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.install_signal_handlers = 0;
  config.write_bytecode = 0;
  config.pathconfig_warnings = 0;
  start(PyConfig_SetBytesString(&config, &config.home, QFLOW_PYTHON_HOME));
  start(PyConfig_SetBytesString(&config, &config.program_name, QFLOW_PYTHON_EXECUTABLE));
  start(PyConfig_SetBytesString(&config, &config.executable, QFLOW_PYTHON_EXECUTABLE));
  {
    const PipesForOutput pipes;
    start(Py_InitializeFromConfig(&config));
  }
  PyConfig_Clear(&config);
}

// As its own python would: sys.prefix, site-packages with their .pth files, and nothing of the Python's own packages.
void use_venv(const schema::Packages& venv) {
  constexpr const char* kSource = R"(
import os, site, sys
def use(prefix, packages, alone):
    if not os.access(packages, os.R_OK | os.X_OK):
        raise PermissionError("%s cannot be read by the workers' user: chmod -R o+rX, also for what is above it" % packages)
    sys.prefix = sys.exec_prefix = prefix
    own = [p for p in sys.path if p.endswith(("/dist-packages", "/site-packages"))]
    library = [p for p in sys.path if p not in own]
    sys.path[:] = library
    site.addsitedir(packages)
    if not alone:
        sys.path.extend(p for p in own if p not in sys.path)
)";
  try {
    py::dict scope;
    const auto done = py::reinterpret_steal<py::object>(PyRun_String(kSource, Py_file_input, scope.ptr(), scope.ptr()));
    if (!done) throw py::error_already_set();
    scope["use"](venv.prefix, venv.packages, venv.alone);
  } catch (py::error_already_set& error) {
    throw std::runtime_error(std::string("the virtual environment: ") + error.what());
  }
}

void do_without_resource_tracker() {
  // Set before any import of it; the package's own `from . import resource_tracker` finds it in sys.modules.
  constexpr const char* kSource = R"(
import sys, types
tracker = types.ModuleType("multiprocessing.resource_tracker")
tracker.__doc__ = "Nothing to track: named segments and semaphores end with the sandbox."
for name in ("ensure_running", "register", "unregister"):
    setattr(tracker, name, lambda *arguments: None)
tracker.getfd = lambda: None
tracker._resource_tracker = tracker
sys.modules[tracker.__name__] = tracker
)";
  py::dict scope;
  const auto done = py::reinterpret_steal<py::object>(PyRun_String(kSource, Py_file_input, scope.ptr(), scope.ptr()));
  if (!done) throw py::error_already_set();
}

bool single_threaded() {
  if (::unshare(CLONE_VM) == 0) return true;
  if (errno != EPERM) return false;
  // A container's filter refuses the call (isolation level 1); there the host's /proc is visible.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Threads:")) return line == "Threads:\t1";
  return false;
}

namespace {
// A package whose import failed is gone from sys.modules, but what it had imported of itself is not: its next import,
// in a worker, would take these parts as they are and be another package than a fresh one.
void forget_orphans() {
  const py::dict loaded = py::module_::import("sys").attr("modules");
  std::vector<std::string> names;
  for (const auto& [name, module] : loaded)
    if (const std::string text = text_of(name); !text.empty())
      names.push_back(text);  // a package may put anything there
  for (const std::string& name : names)
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      if (!loaded.contains(name.substr(0, dot).c_str()) && loaded.contains(name.c_str()))
        PyDict_DelItemString(loaded.ptr(), name.c_str());
}
}  // namespace

Imported import_modules(const std::vector<std::string>& modules) {
  Imported out;
  for (const std::string& name : modules) {
    try {
      if (name == kAnalysisModule) analysis_module();
      else py::module_::import(name.c_str());
      out.modules.push_back(name);
    } catch (py::error_already_set& error) {
      out.notes.push_back(name + ": " + error.what());
      forget_orphans();
    }
    if (!single_threaded()) {
      out.started_threads = name;
      return out;
    }
  }
  return out;
}

std::vector<std::string> present_modules() {
  std::set<std::string> names;
  const auto add = [&](py::handle name) {
    const auto text = name.cast<std::string>();
    if (text.find('.') == std::string::npos) names.insert(text);
  };
  const py::module_ sys = py::module_::import("sys");
  for (const auto& [name, module] : py::dict(sys.attr("modules"))) add(name);
  for (const auto& name : py::tuple(sys.attr("builtin_module_names"))) add(name);
  return {names.begin(), names.end()};
}

void freeze_heap() {
  const py::module_ gc = py::module_::import("gc");
  gc.attr("collect")();
  gc.attr("freeze")();
}

void leave_heap_shared() { py::module_::import("gc").attr("freeze")(); }

void reseed_after_fork() {
  // The random module reseeds itself through os.register_at_fork; numpy's global generator does not.
  PyObject* loaded = PyImport_GetModuleDict();
  PyObject* numpy_random = PyDict_GetItemString(loaded, "numpy.random");
  if (numpy_random != nullptr) py::reinterpret_borrow<py::object>(numpy_random).attr("seed")();
  // OpenSSL detects a fork by the process id; fresh bytes do not rely on that.
  PyObject* ssl = PyDict_GetItemString(loaded, "_ssl");
  if (ssl != nullptr)
    py::reinterpret_borrow<py::object>(ssl).attr("RAND_add")(py::module_::import("os").attr("urandom")(32), 32.0);
}

}  // namespace qflow::pyhost
