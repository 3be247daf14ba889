#include "pyhost/values/passing.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "pyhost/values/literals.hpp"
#include "pyhost/values/preview.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::uint64_t kNothing = std::numeric_limits<std::uint64_t>::max();

// The module in C: what it is made of in Python takes milliseconds to import.
PyObject* pickle_module = nullptr;

py::object pickle_name(const char* name) {
  prepare_passing();
  return py::reinterpret_borrow<py::object>(pickle_module).attr(name);
}

[[noreturn]] void raise(PyObject* type, const char* text) {
  PyErr_SetString(type, text);
  throw py::error_already_set();
}

void write_bytes(int fd, const void* bytes, std::size_t size) {
  if (!sandbox::write_all(fd, {static_cast<const char*>(bytes), size}))
    raise(PyExc_BrokenPipeError, "the worker that it was to go to has ended");
}

void read_bytes(int fd, void* into, std::size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = sandbox::retry([&] { return ::read(fd, at, size); });
    if (got <= 0) raise(PyExc_EOFError, "the branch that it was to come from has ended");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

// One of a value's buffers, as the bytes that lie one after the other in memory.
struct Raw {
  py::object view;
  Py_buffer buffer{};
  explicit Raw(const py::handle& pickle_buffer) : view(pickle_buffer.attr("raw")()) {
    if (PyObject_GetBuffer(view.ptr(), &buffer, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  }
  ~Raw() { PyBuffer_Release(&buffer); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
};

}  // namespace

void prepare_passing() {
  if (pickle_module == nullptr) pickle_module = py::module_::import("_pickle").release().ptr();
}

std::uint64_t send_value(int fd, const py::object& value) {
  std::uint64_t all = 0;
  bool begun = false;
  try {
    const py::list buffers;
    const py::object text =
        pickle_name("dumps")(value, py::arg("protocol") = 5, py::arg("buffer_callback") = buffers.attr("append"));
    std::vector<std::unique_ptr<Raw>> raws;
    for (const py::handle buffer : buffers) raws.push_back(std::make_unique<Raw>(buffer));
    std::vector<std::uint64_t> sizes{static_cast<std::uint64_t>(PyBytes_GET_SIZE(text.ptr()))};
    for (const auto& raw : raws) sizes.push_back(static_cast<std::uint64_t>(raw->buffer.len));
    for (const std::uint64_t size : sizes) all += size;
    const std::uint64_t count = sizes.size();
    begun = true;
    write_bytes(fd, &count, sizeof count);
    write_bytes(fd, sizes.data(), sizes.size() * sizeof(std::uint64_t));
    write_bytes(fd, PyBytes_AS_STRING(text.ptr()), sizes[0]);
    for (const auto& raw : raws) write_bytes(fd, raw->buffer.buf, static_cast<std::size_t>(raw->buffer.len));
  } catch (const std::exception&) {
    if (!begun) sandbox::write_all(fd, {reinterpret_cast<const char*>(&kNothing), sizeof kNothing});
    throw;
  }
  return all;
}

py::object receive_value(int fd, std::uint64_t& bytes) {
  std::uint64_t count = 0;
  read_bytes(fd, &count, sizeof count);
  if (count == kNothing) raise(PyExc_RuntimeError, "it was not sent");
  constexpr std::uint64_t kMostBuffers = 10'000'000;
  if (count == 0 || count > kMostBuffers) raise(PyExc_ValueError, "what came from the branch is no value");
  std::vector<std::uint64_t> sizes(count);
  read_bytes(fd, sizes.data(), sizes.size() * sizeof(std::uint64_t));
  bytes = 0;
  for (const std::uint64_t size : sizes) {
    if (size > static_cast<std::uint64_t>(PY_SSIZE_T_MAX))
      raise(PyExc_ValueError, "what came from the branch is no value");
    bytes += size;
  }
  const auto text =
      py::reinterpret_steal<py::object>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(sizes[0])));
  if (!text) throw py::error_already_set();
  read_bytes(fd, PyBytes_AS_STRING(text.ptr()), sizes[0]);
  py::list buffers;
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    auto one =
        py::reinterpret_steal<py::object>(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(sizes[i])));
    if (!one) throw py::error_already_set();
    read_bytes(fd, PyByteArray_AS_STRING(one.ptr()), sizes[i]);
    buffers.append(std::move(one));
  }
  return pickle_name("loads")(text, py::arg("buffers") = buffers);
}

std::string text_of_value(const py::object& value, std::uint64_t most, std::string& encoding) {
  encoding = "json";
  constexpr std::size_t kMostJson = 4U << 20U;
  Preview preview = make_preview(value, static_cast<std::uint32_t>(std::min<std::uint64_t>(most, kMostJson)));
  if (preview.exact && !preview.truncated) return std::move(preview.json);
  encoding = "pickle";
  const py::object text = pickle_name("dumps")(value, py::arg("protocol") = 5);
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()));
  if (size > most) throw std::length_error("value");
  return {PyBytes_AS_STRING(text.ptr()), size};
}

py::object value_of_text(const std::string& text, const std::string& encoding) {
  if (encoding == "pickle")
    return pickle_name("loads")(py::reinterpret_steal<py::object>(
        PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()))));
  std::string error;
  const schema::json::value value = schema::parse_json(text, error, 200);
  if (!error.empty()) raise(PyExc_ValueError, error.c_str());
  return to_python(value);
}

}  // namespace qflow::pyhost
