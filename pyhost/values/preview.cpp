#include "pyhost/values/preview.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "pyhost/values/structure.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxElements = 100'000;
constexpr int kMaxWholeDepth = 190;  // readers of JSON stop at 200
constexpr std::size_t kPiece = 256U << 10U;
constexpr std::size_t kReprBytes = 2000;

// Cuts so that no UTF-8 sequence is split.
std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return text.substr(0, size);
}

class Writer {
 public:
  explicit Writer(std::size_t budget) : budget_(budget) {}
  /// Writes all of a value, piece by piece.
  explicit Writer(const PieceSink& sink)
      : budget_(std::numeric_limits<std::size_t>::max()),
        most_elements_(std::numeric_limits<std::int64_t>::max()),
        deepest_(kMaxWholeDepth),
        sink_(&sink) {}
  Preview take() { return std::move(out_); }

  void write(py::handle value, int depth) {
    PyObject* o = value.ptr();
    if (++elements_ > most_elements_ || depth > deepest_) return leave_out();
    if (sink_ != nullptr && out_.json.size() >= kPiece) {
      (*sink_)(out_.json);
      out_.json.clear();
    }
    if (o == Py_None) return put("null");
    if (o == Py_True) return put("true");
    if (o == Py_False) return put("false");
    if (PyLong_Check(o) != 0) return integer(value);
    if (PyFloat_Check(o) != 0) return number(value);
    if (PyUnicode_Check(o) != 0) return string(value, PyUnicode_CheckExact(o) != 0);
    if (PyList_Check(o) != 0) return sequence(value, depth, PyList_CheckExact(o) != 0);
    if (PyTuple_Check(o) != 0) return sequence(value, depth, false);
    if (PyDict_Check(o) != 0) return mapping(value, depth, PyDict_CheckExact(o) != 0);
    out_.exact = false;
    other(value, depth);
  }

 private:
  void put(std::string_view text) { out_.json += text; }
  bool full() const { return out_.json.size() >= budget_; }
  // Whether there is room for one more element. Once there is not, nothing more is written at any depth.
  bool stops() {
    if (!full() && elements_ <= most_elements_) return false;
    out_.exact = false;
    out_.truncated = true;
    stopped_ = true;
    return true;
  }
  // A part ends between two elements, not inside one: the last is left out whole, unless it is the only one.
  void take_back(std::size_t before, Py_ssize_t index) {
    stopped_ = true;
    if (index > 0 && sink_ == nullptr) out_.json.resize(before);
  }
  void leave_out() {
    out_.exact = false;
    out_.truncated = true;
    put("null");
  }

  void integer(py::handle value) {
    int overflow = 0;
    const long long small = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (PyLong_CheckExact(value.ptr()) == 0) out_.exact = false;
    if (overflow == 0) return put(fmt::format("{}", small));
    // JSON sets no bound, but its readers do: beyond 64 bits, write the digits as text (past Python's own limit on
    // int-to-text conversion, the size alone).
    out_.exact = false;
    const auto text = py::reinterpret_steal<py::object>(PyObject_Str(value.ptr()));
    if (!text) PyErr_Clear();
    tagged("int", "value", text ? text : py::str("more digits than Python converts to text"));
  }

  void number(py::handle value) {
    const double number = PyFloat_AS_DOUBLE(value.ptr());
    if (PyFloat_CheckExact(value.ptr()) == 0) out_.exact = false;
    if (!std::isfinite(number)) {
      out_.exact = false;
      return put("null");
    }
    // repr gives the shortest text that reads back as the same double.
    char* text = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
    put(text == nullptr ? "null" : text);
    PyMem_Free(text);
  }

  void string(py::handle value, bool exact) {
    if (!exact) out_.exact = false;
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
    if (text != nullptr) return quoted({text, static_cast<std::size_t>(size)});
    PyErr_Clear();  // a lone surrogate: JSON text cannot hold it
    out_.exact = false;
    const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(value.ptr(), "utf-8", "replace"));
    if (!bytes) {
      PyErr_Clear();
      return put("\"\"");
    }
    quoted({PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))});
  }

  void quoted(std::string_view text) {
    const std::size_t room = full() ? 0 : budget_ - out_.json.size();
    const std::string_view shown = cut(text, room);
    if (shown.size() < text.size()) {
      out_.exact = false;
      out_.truncated = true;
    }
    put("\"");
    for (const char c : shown) {
      const auto u = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') out_.json += {'\\', c};
      else if (c == '\n') put("\\n");
      else if (u < 0x20 || u == 0x7f) put(fmt::format("\\u{:04x}", u));
      else out_.json += c;
    }
    if (shown.size() < text.size()) put("…");
    put("\"");
  }

  void sequence(py::handle value, int depth, bool exact) {
    if (!exact) out_.exact = false;
    put("[");
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(value.ptr());
    for (Py_ssize_t i = 0; i < size && i < PySequence_Fast_GET_SIZE(value.ptr()); ++i) {
      if (stops()) break;
      const std::size_t before = out_.json.size();
      if (i > 0) put(",");
      // Hold a reference while writing: a hostile __repr__ further down may change the list.
      write(py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(value.ptr(), i)), depth + 1);
      if (stopped_ || (out_.truncated && full())) {
        take_back(before, i);
        break;
      }
    }
    put("]");
  }

  void key(py::handle name) {
    if (PyUnicode_Check(name.ptr()) != 0) return string(name, true);
    out_.exact = false;
    quoted(safe_text(PyObject_Repr(name.ptr())));
  }

  void mapping(py::handle value, int depth, bool exact) {
    if (!exact) out_.exact = false;
    put("{");
    // A copy of the item list, because code called on the way may change the dict.
    const auto items = py::reinterpret_steal<py::object>(PyDict_Items(value.ptr()));
    if (!items) PyErr_Clear();
    const Py_ssize_t size = items ? PyList_GET_SIZE(items.ptr()) : 0;
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (stops()) break;
      const std::size_t before = out_.json.size();
      if (i > 0) put(",");
      PyObject* item = PyList_GET_ITEM(items.ptr(), i);
      key(PyTuple_GET_ITEM(item, 0));
      put(":");
      write(PyTuple_GET_ITEM(item, 1), depth + 1);
      if (stopped_ || (out_.truncated && full())) {
        take_back(before, i);
        break;
      }
    }
    put("}");
  }

  void tagged(std::string_view type, std::string_view name, const py::object& value) {
    put("{\"__type\":");
    quoted(type);
    put(",\"");
    put(name);
    put("\":");
    write(value, deepest_ / 2);
    put("}");
  }

  // A value that JSON cannot represent: by its structure where that is known, otherwise by its repr.
  void other(py::handle value, int depth) {
    const std::string type = type_name(value);
    put("{\"__type\":");
    quoted(type);
    py::object inner;
    try {
      inner = structure_of(value, type, sink_ != nullptr, out_.truncated);
    } catch (py::error_already_set&) {
      inner = py::object();
    } catch (py::cast_error&) {  // it only calls itself an array
      inner = py::object();
    }
    if (inner) {
      put(",\"value\":");
      write(inner, depth + 1);
    } else {
      put(",\"repr\":");
      quoted(cut(safe_text(PyObject_Repr(value.ptr())), kReprBytes));
    }
    put("}");
  }

  static std::string safe_text(PyObject* owned) {
    const auto object = py::reinterpret_steal<py::object>(owned);
    if (!object) {
      PyErr_Clear();
      return "(its repr failed)";
    }
    const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(object.ptr(), "utf-8", "replace"));
    if (!bytes) {
      PyErr_Clear();
      return "(its repr failed)";
    }
    return {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
  }

  std::size_t budget_;
  std::int64_t elements_ = 0, most_elements_ = kMaxElements;
  int deepest_ = kMaxDepth;
  bool stopped_ = false;
  const PieceSink* sink_ = nullptr;  // of a value that is written whole
  Preview out_;
};

}  // namespace

Preview make_preview(const py::object& value, std::size_t budget) {
  Writer writer(budget);
  writer.write(value, 0);
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return writer.take();
}

bool write_whole(const py::object& value, const PieceSink& sink) {
  Writer writer(sink);
  writer.write(value, 0);
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  const Preview rest = writer.take();
  sink(rest.json);
  return !rest.truncated;
}

namespace {

// The first part that JSON lacks, or null; `path` leads there. Runs no code of the value's: only exact types are looked
// into.
PyObject* inexact_part(PyObject* v, std::string& path, int depth, int& left) {
  if (--left < 0 || depth > kMaxDepth) return nullptr;
  if (v == Py_None || PyBool_Check(v) != 0 || PyUnicode_CheckExact(v) != 0) return nullptr;
  if (PyLong_CheckExact(v) != 0) {
    int overflow = 0;
    PyLong_AsLongLongAndOverflow(v, &overflow);
    return overflow != 0 ? v : nullptr;
  }
  if (PyFloat_CheckExact(v) != 0) return std::isfinite(PyFloat_AS_DOUBLE(v)) ? nullptr : v;
  const std::size_t before = path.size();
  if (PyList_CheckExact(v) != 0) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v); ++i) {
      path += "/" + std::to_string(i);
      if (PyObject* found = inexact_part(PyList_GET_ITEM(v, i), path, depth + 1, left)) return found;
      path.resize(before);
    }
    return nullptr;
  }
  if (PyDict_CheckExact(v) == 0) return v;
  PyObject *key = nullptr, *item = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(v, &at, &key, &item) != 0) {
    if (PyUnicode_CheckExact(key) == 0) {
      path += "/a key that is not a str";
      return key;
    }
    const char* name = PyUnicode_AsUTF8(key);
    path.append("/").append(name == nullptr ? std::string_view("?") : cut(name, 100));
    if (name == nullptr) PyErr_Clear();
    if (PyObject* found = inexact_part(item, path, depth + 1, left)) return found;
    path.resize(before);
  }
  return nullptr;
}

}  // namespace

std::string find_inexact(const py::object& value) {
  std::string path;
  int left = 10'000;
  PyObject* found = inexact_part(value.ptr(), path, 0, left);
  return found == nullptr || path.empty() ? "" : path + " (" + type_name(found) + ")";
}

std::string type_name(py::handle value) {
  PyTypeObject* type = Py_TYPE(value.ptr());
  if (value.is_none()) return "None";
  const auto text = [&](const char* attribute) -> std::string {
    const auto found =
        py::reinterpret_steal<py::object>(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), attribute));
    const char* utf8 = found && PyUnicode_Check(found.ptr()) != 0 ? PyUnicode_AsUTF8(found.ptr()) : nullptr;
    if (utf8 == nullptr) PyErr_Clear();
    return utf8 == nullptr ? "" : std::string(cut(utf8, 200));
  };
  const std::string module = text("__module__");
  const std::string name = text("__qualname__");
  if (name.empty()) return "object";
  return module.empty() || module == "builtins" ? name : module + "." + name;
}

}  // namespace qflow::pyhost
