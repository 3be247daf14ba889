#include "pyhost/values/offers.hpp"

#include <sys/stat.h>

#include <set>

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

// Looks through a value for files.
class Search {
 public:
  explicit Search(Offers& offers) : offers_(offers) {}

  void look(py::handle value, const std::string& label, int depth) {
    if (!offers_.problem.empty() || ++looked_ > kMaxLooks) return;
    if (PyDict_Check(value.ptr()) != 0) {
      if (!may_enter(depth)) return;
      for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value))
        look(item, below(label, PyUnicode_Check(key.ptr()) != 0 ? schema::cut(key.cast<std::string>(), 100) : "?"),
             depth + 1);
    } else if (PyList_Check(value.ptr()) != 0 || PyTuple_Check(value.ptr()) != 0 || PyAnySet_Check(value.ptr()) != 0) {
      if (!may_enter(depth)) return;
      std::size_t at = 0;
      for (const py::handle item : py::reinterpret_borrow<py::iterable>(value)) {
        if (looked_ > kMaxLooks) return;
        look(item, below(label, std::to_string(at++)), depth + 1);
      }
    } else {
      offer(value, label);
    }
  }

  void finish() {
    if (left_out_ > 0)
      offers_.warnings.push_back("it hands over " + std::to_string(kMaxFiles) + " files, the most of one value; " +
                                 std::to_string(left_out_) + " more are left out");
    if (too_deep_ || looked_ > kMaxLooks)
      offers_.warnings.push_back("files are looked for in the first " + std::to_string(kMaxLooks) + " elements, " +
                                 std::to_string(kMaxDepth) + " levels deep; this value has more");
  }

 private:
  static constexpr std::size_t kMaxLooks = 20'000;
  static constexpr int kMaxDepth = 6;

  static std::string below(const std::string& label, const std::string& name) {
    return schema::cut(label.empty() ? name : label + "." + name, 200);
  }

  bool may_enter(int depth) {
    if (depth < kMaxDepth) return true;
    too_deep_ = true;
    return false;
  }

  void offer(py::handle value, const std::string& label) {
    const std::string type = type_name(value);
    const bool figure = type == "matplotlib.figure.Figure";
    if (!figure && (!type.starts_with("pathlib.") || !py::hasattr(value, "stat"))) return;
    if (offers_.files.size() >= kMaxFiles) {
      ++left_out_;
      return;
    }
    const std::string path = figure ? drawn(value, label) : std::string(py::str(value));
    if (path.empty() || !seen_.insert(path).second) return;
    struct stat info {};
    const bool found = ::stat(path.c_str(), &info) == 0;
    if (!found || !S_ISREG(info.st_mode)) {
      if (!is_own(path)) return;  // it names something elsewhere
      const std::string problem = "the file " + schema::cut(path, 300) + " that it returns " + why_not(info, found);
      if (label.empty()) offers_.problem = problem;
      else offers_.warnings.push_back(problem);
      return;
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    const auto dot = name.rfind('.');
    const bool suffixed = dot != std::string::npos && name.size() - dot <= 8;
    offers_.files.push_back({label, suffixed ? name.substr(dot) : "", static_cast<std::uint64_t>(info.st_size), {}});
    if (!figure) offers_.files.back().name = schema::cut(name, 200);
    offers_.paths.push_back(path);
  }

  Offers& offers_;
  std::set<std::string> seen_;
  std::size_t looked_ = 0, left_out_ = 0;
  bool too_deep_ = false;
};

}  // namespace

Offers find_files(const py::object& value) {
  Offers offers;
  // Unless pathlib is loaded, there is no Path, nor a figure.
  if (PyDict_GetItemString(PyImport_GetModuleDict(), "pathlib") == nullptr) return offers;
  Search search(offers);
  search.look(value, "", 0);
  if (!offers.files.empty()) search.finish();
  return offers;
}

}  // namespace qflow::pyhost
