#include "pyhost/node/own_copy.hpp"

#include <algorithm>
#include <unordered_map>

#include "pyhost/types/annotations.hpp"
#include "pyhost/values/preview.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::ptrdiff_t kMostCopied = 1 << 20;  // bytes, about
constexpr int kMostParts = 100'000;
constexpr int kMostLevels = 50;

// Copies lists, dicts, tuples and sets of plain values by itself, which is some twenty times as fast as copy.deepcopy.
class PlainCopier {
 public:
  enum class Verdict { plain, other, too_large };
  Verdict verdict = Verdict::plain;

  // Null: the verdict says why.
  py::object copy(PyObject* value, int level = 0) {
    if (is_leaf(value)) return py::reinterpret_borrow<py::object>(value);
    if (level > kMostLevels) return refuse(Verdict::other);
    if (const auto seen = copies_.find(value); seen != copies_.end()) return seen->second;
    if (PyList_CheckExact(value) != 0) return copy_list(value, level);
    if (PyDict_CheckExact(value) != 0) return copy_dict(value, level);
    if (PyTuple_CheckExact(value) != 0) return copy_tuple(value, level);
    if (PyByteArray_CheckExact(value) != 0)
      return spend(1, PyByteArray_GET_SIZE(value)) ? py::reinterpret_steal<py::object>(PyByteArray_FromObject(value))
                                                   : py::object();
    if (PyAnySet_CheckExact(value) != 0 && PyFrozenSet_CheckExact(value) == 0) return copy_set(value);
    return refuse(Verdict::other);
  }

 private:
  static bool is_leaf(PyObject* value) {
    return value == Py_None || PyBool_Check(value) != 0 || PyLong_CheckExact(value) != 0 ||
           PyFloat_CheckExact(value) != 0 || PyUnicode_CheckExact(value) != 0 || PyBytes_CheckExact(value) != 0 ||
           PyComplex_CheckExact(value) != 0;
  }

  py::object refuse(Verdict why) {
    verdict = why;
    return {};
  }

  bool spend(Py_ssize_t parts, Py_ssize_t bytes) {
    parts_ += static_cast<int>(std::min<Py_ssize_t>(parts, kMostParts + 1));
    bytes_ += bytes + 8 * parts;
    if (parts_ <= kMostParts && bytes_ <= kMostCopied) return true;
    verdict = Verdict::too_large;
    return false;
  }

  py::object copy_list(PyObject* value, int level) {
    const Py_ssize_t size = PyList_GET_SIZE(value);
    if (!spend(size + 1, 0)) return {};
    auto out = py::reinterpret_steal<py::object>(PyList_New(0));
    copies_.emplace(value, out);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); ++i) {
      const py::object one = copy(PyList_GET_ITEM(value, i), level + 1);
      if (!one) return {};
      if (PyList_Append(out.ptr(), one.ptr()) != 0) throw py::error_already_set();
    }
    return out;
  }

  py::object copy_dict(PyObject* value, int level) {
    if (!spend(2 * PyDict_Size(value) + 1, 0)) return {};
    auto out = py::reinterpret_steal<py::object>(PyDict_New());
    copies_.emplace(value, out);
    PyObject *key = nullptr, *item = nullptr;
    Py_ssize_t at = 0;
    while (PyDict_Next(value, &at, &key, &item) != 0) {
      if (!is_leaf(key)) return refuse(Verdict::other);
      const py::object one = copy(item, level + 1);
      if (!one) return {};
      if (PyDict_SetItem(out.ptr(), key, one.ptr()) != 0) throw py::error_already_set();
    }
    return out;
  }

  // The same tuple where nothing in it can change.
  py::object copy_tuple(PyObject* value, int level) {
    const Py_ssize_t size = PyTuple_GET_SIZE(value);
    if (!spend(size + 1, 0)) return {};
    auto out = py::reinterpret_steal<py::object>(PyTuple_New(size));
    bool same = true;
    for (Py_ssize_t i = 0; i < size; ++i) {
      py::object one = copy(PyTuple_GET_ITEM(value, i), level + 1);
      if (!one) return {};
      same = same && one.ptr() == PyTuple_GET_ITEM(value, i);
      PyTuple_SET_ITEM(out.ptr(), i, one.release().ptr());
    }
    return same ? py::reinterpret_borrow<py::object>(value) : out;
  }

  py::object copy_set(PyObject* value) {
    if (!spend(PySet_GET_SIZE(value) + 1, 0)) return {};
    for (const py::handle one : py::reinterpret_borrow<py::object>(value))
      if (!is_leaf(one.ptr())) return refuse(Verdict::other);
    return py::reinterpret_steal<py::object>(PySet_New(value));
  }

  std::unordered_map<PyObject*, py::object> copies_;
  int parts_ = 0;
  std::ptrdiff_t bytes_ = 0;
};

// The bytes of an array or a table; -1: it is neither.
std::ptrdiff_t table_bytes(const py::object& value) {
  const std::string type = type_name(value);
  if (type == "numpy.ndarray" || type.ends_with("Series")) return value.attr("nbytes").cast<std::ptrdiff_t>();
  if (!type.ends_with("DataFrame")) return -1;
  // A byte for each cell at least: a large one need not be weighed, which takes milliseconds.
  if (const auto cells = value.attr("size").cast<std::ptrdiff_t>(); cells > kMostCopied) return cells;
  if (find_attribute(value, "memory_usage")) return value.attr("memory_usage")().attr("sum")().cast<std::ptrdiff_t>();
  return -1;
}

// An object of a class in Python with few attributes.
bool is_small_object(const py::object& value) {
  const py::object attributes = find_attribute(value, "__dict__");
  if (!attributes || PyDict_Check(attributes.ptr()) == 0 || PyType_Check(value.ptr()) != 0 ||
      PyModule_Check(value.ptr()) != 0 || PyCallable_Check(value.ptr()) != 0)
    return false;
  PlainCopier counted;
  counted.copy(attributes.ptr());
  return counted.verdict == PlainCopier::Verdict::plain;
}

// A container of the collections module, with what can be copied within it, and not much of that.
bool is_small_collection(const py::object& value) {
  const std::string type = type_name(value);
  const bool sequence = type == "collections.deque";
  if (!sequence && type != "collections.OrderedDict" && type != "collections.defaultdict" &&
      type != "collections.Counter")
    return false;
  const Py_ssize_t size = PyObject_Size(value.ptr());
  if (size < 0 || size > kMostParts) return false;
  const py::object plain = sequence ? py::object(py::list(value)) : py::object(py::dict(value));
  PlainCopier counted;
  counted.copy(plain.ptr());
  return counted.verdict == PlainCopier::Verdict::plain;
}

}  // namespace

py::object own_copy(const py::object& value, bool& heavy) {
  try {
    PlainCopier copier;
    if (py::object out = copier.copy(value.ptr())) return out;
    const std::ptrdiff_t bytes = copier.verdict == PlainCopier::Verdict::other ? table_bytes(value) : -1;
    heavy = copier.verdict == PlainCopier::Verdict::too_large || bytes > kMostCopied;
    if (heavy || (bytes < 0 && !is_small_object(value) && !is_small_collection(value))) return value;
    return py::module_::import("copy").attr("deepcopy")(value);
  } catch (const std::exception&) {  // it cannot be copied, or there is no memory
    PyErr_Clear();
    return value;
  }
}

bool is_heavy(const py::object& value) {
  try {
    PlainCopier copier;
    copier.copy(value.ptr());
    return copier.verdict == PlainCopier::Verdict::too_large ||
           (copier.verdict == PlainCopier::Verdict::other && table_bytes(value) > kMostCopied);
  } catch (const std::exception&) {
    PyErr_Clear();
    return false;
  }
}

}  // namespace qflow::pyhost
