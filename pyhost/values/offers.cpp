#include "pyhost/values/offers.hpp"

#include <sys/stat.h>

#include "pyhost/values/preview.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::size_t kMaxFiles = 64;

// The path of a picture of the figure, or nothing when it cannot be drawn.
std::string drawn(py::handle figure, const std::string& label) {
  const std::string path = "/tmp/figure-" + std::to_string(std::hash<std::string>()(label)) + ".png";
  try {
    figure.attr("savefig")(path);
    return path;
  } catch (py::error_already_set&) {
    return {};
  }
}

// Whether a node could have made it.
bool is_own(const std::string& path) {
  for (const char* place : {"/tmp", "/node", "/dev/shm"})
    if (path == place || path.starts_with(std::string(place) + "/")) return true;
  return !path.starts_with('/');
}

const char* why_not(const struct stat& info, bool found) {
  if (!found) return "does not exist";
  return S_ISDIR(info.st_mode) ? "is a directory; hand over an archive of it, such as shutil.make_archive() makes"
                               : "is not a regular file";
}

void offer(py::handle value, const std::string& label, Offers& offers) {
  if (offers.files.size() >= kMaxFiles || !offers.problem.empty()) return;
  const std::string type = type_name(value);
  const bool figure = type == "matplotlib.figure.Figure";
  if (!figure && (!type.starts_with("pathlib.") || !py::hasattr(value, "stat"))) return;
  const std::string path = figure ? drawn(value, label) : std::string(py::str(value));
  if (figure && path.empty()) return;
  struct stat info {};
  const bool found = ::stat(path.c_str(), &info) == 0;
  if (!found || !S_ISREG(info.st_mode)) {
    if (!is_own(path)) return;  // it names something elsewhere
    const std::string problem = "the file " + schema::cut(path, 300) + " that it returns " + why_not(info, found);
    if (label.empty()) offers.problem = problem;
    else offers.warnings.push_back(problem);
    return;
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  const bool suffixed = dot != std::string::npos && name.size() - dot <= 8;
  offers.files.push_back({label, suffixed ? name.substr(dot) : "", static_cast<std::uint64_t>(info.st_size), {}});
  if (!figure) offers.files.back().name = schema::cut(name, 200);
  offers.paths.push_back(path);
}

}  // namespace

Offers find_files(const py::object& value) {
  Offers offers;
  // Unless pathlib is loaded, there is no Path, nor a figure.
  if (PyDict_GetItemString(PyImport_GetModuleDict(), "pathlib") == nullptr) return offers;
  offer(value, "", offers);
  if (PyDict_Check(value.ptr()) != 0) {
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value))
      if (PyUnicode_Check(key.ptr()) != 0) offer(item, schema::cut(key.cast<std::string>(), 100), offers);
  } else if (PyList_Check(value.ptr()) != 0 || PyTuple_Check(value.ptr()) != 0) {
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(value.ptr());
    for (Py_ssize_t i = 0; i < size && offers.files.size() < kMaxFiles; ++i)
      offer(PySequence_Fast_GET_ITEM(value.ptr(), i), std::to_string(i), offers);
  }
  return offers;
}

}  // namespace qflow::pyhost
