#include "pyhost/values/offers.hpp"

#include <sys/stat.h>

#include "pyhost/values/preview.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::size_t kMaxFiles = 64;

void offer(py::handle value, const std::string& label, Offers& offers) {
  if (offers.files.size() >= kMaxFiles || !type_name(value).starts_with("pathlib.")) return;
  const std::string path = py::str(value);
  struct stat info {};
  if (::stat(path.c_str(), &info) < 0 || !S_ISREG(info.st_mode)) return;
  const auto dot = path.rfind('.');
  const bool suffixed = dot != std::string::npos && path.find('/', dot) == std::string::npos && path.size() - dot <= 8;
  offers.files.push_back({label, suffixed ? path.substr(dot) : "", static_cast<std::uint64_t>(info.st_size)});
  offers.paths.push_back(path);
}

}  // namespace

Offers find_files(const py::object& value) {
  Offers offers;
  // Unless pathlib is loaded, there is no Path.
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
