#include "pyhost/node/raised.hpp"

#include <algorithm>

#include "pyhost/values/preview.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::size_t kMessageBytes = 8000;
constexpr std::size_t kTracebackBytes = 64000;

std::string text(const py::object& object, std::size_t limit) {
  const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(object.ptr(), "utf-8", "replace"));
  if (!bytes) {
    PyErr_Clear();
    return {};
  }
  return schema::cut({PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))}, limit);
}

std::string message_of(const py::object& value) {
  auto str = py::reinterpret_steal<py::object>(PyObject_Str(value.ptr()));
  if (!str) {
    PyErr_Clear();
    return "(its message could not be produced)";
  }
  return text(str, kMessageBytes);
}

// The errno of an OSError, or of an OSError that the exception wraps or was raised for: urllib keeps it in `reason`,
// libraries raise their own exceptions while they handle it.
std::optional<std::int32_t> os_error_of(py::object value) {
  for (int depth = 0; depth < 8 && value && !value.is_none(); ++depth) {
    if (PyErr_GivenExceptionMatches(value.ptr(), PyExc_OSError) != 0)
      if (const py::object number = value.attr("errno"); PyLong_Check(number.ptr()) != 0)
        return number.cast<std::int32_t>();
    py::object next;
    for (const char* inner : {"reason", "__cause__", "__context__"}) {
      next = py::getattr(value, inner, py::none());
      if (PyExceptionInstance_Check(next.ptr())) break;
    }
    if (!PyExceptionInstance_Check(next.ptr())) return std::nullopt;
    value = std::move(next);
  }
  return std::nullopt;
}

// The innermost line in the node's own file; for a SyntaxError in it, the line that does not parse.
std::optional<std::int32_t> own_line(const py::object& value, const py::object& trace, const std::string& file) {
  std::optional<std::int32_t> line;
  for (py::object at = trace; at && !at.is_none(); at = at.attr("tb_next")) {
    const py::object name = at.attr("tb_frame").attr("f_code").attr("co_filename");
    if (text(name, 4096) == file) line = at.attr("tb_lineno").cast<std::int32_t>();
  }
  if (!line && PyErr_GivenExceptionMatches(value.ptr(), PyExc_SyntaxError) != 0 && !value.attr("lineno").is_none())
    line = value.attr("lineno").cast<std::int32_t>();
  return line;
}

// traceback.format_exception without our own frames, with the source of the nodes' modules, which is in no file.
std::string format(const py::object& type, const py::object& value, const py::object& trace, const Modules& modules) {
  const py::module_ linecache = py::module_::import("linecache");
  for (py::object at = trace; at && !at.is_none(); at = at.attr("tb_next")) {
    const std::string name = text(at.attr("tb_frame").attr("f_code").attr("co_filename"), 4096);
    const std::string* source = modules.source_of(name);
    if (source == nullptr) continue;
    const py::str code(*source);
    linecache.attr("cache")[py::str(name)] =
        py::make_tuple(source->size(), py::none(), code.attr("splitlines")(true), name);
  }
  const py::object lines = py::module_::import("traceback").attr("format_exception")(type, value, trace);
  return text(py::str("").attr("join")(lines), kTracebackBytes);
}

}  // namespace

schema::Raised describe(py::error_already_set& error, const Modules& modules, const std::string& file) {
  schema::Raised out;
  const py::object type = error.type();
  const py::object value = error.value();
  const py::object trace = error.trace() ? error.trace() : py::none();
  out.type = "Exception";
  try {
    out.type = text(type.attr("__name__"), 200);
    out.message = message_of(value);
    out.line = own_line(value, trace, file);
    out.error = os_error_of(value);
    out.traceback = format(type, value, trace, modules);
  } catch (py::error_already_set&) {
    // Out of memory, or a node has broken traceback: only type and message are available.
  } catch (py::cast_error&) {
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return out;
}

void flush_standard_streams() {
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* stream = PySys_GetObject(name);  // borrowed
    if (stream == nullptr || stream == Py_None) continue;
    const auto owned = py::reinterpret_borrow<py::object>(stream);
    const auto done = py::reinterpret_steal<py::object>(PyObject_CallMethod(owned.ptr(), "flush", nullptr));
    if (!done) PyErr_Clear();
  }
}

int exit_status(py::error_already_set& error) {
  try {
    if (!error.matches(PyExc_SystemExit)) {
      error.restore();
      PyErr_Print();
      return 1;
    }
    const py::object code = error.value().attr("code");
    if (code.is_none()) return 0;
    if (PyLong_Check(code.ptr()) != 0) return static_cast<int>(PyLong_AsLongLong(code.ptr()) & 0xff);
    py::module_::import("sys").attr("stderr").attr("write")(py::str(code) + py::str("\n"));
  } catch (const std::exception&) {
    PyErr_Clear();
  }
  return 1;
}

schema::Raised failure_of(const schema::json::value& said) {
  const auto member = [&](const char* name) {
    const schema::json::value* value = said.is_object() ? said.get_object().if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string();
  };
  schema::Raised message;
  message.phase = "call";
  message.type = member("type");
  message.message = member("message");
  message.traceback = member("traceback");
  return message;
}

std::string first_line(std::string text) {
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

}  // namespace qflow::pyhost
