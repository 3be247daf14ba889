#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include "pyhost/node/calls.hpp"
#include "pyhost/node/raised.hpp"
#include "tests/unit/pyhost/loading.hpp"

namespace py = pybind11;
using namespace qflow;
using namespace qflow::pyhost;
using test::load;

namespace {

schema::Raised raised_by(const std::string& code) {
  Modules modules;
  Calls calls;
  try {
    load(modules, 1, code);
    schema::Call call;
    call.module = 1;
    calls.run(2, call, *modules.find(1));
  } catch (py::error_already_set& error) {
    return describe(error, modules, "node.py");
  }
  FAIL("nothing was raised");
  return {};
}

}  // namespace

TEST_CASE("errors carry the line in the node's code and a traceback with its text") {
  const schema::Raised raised = raised_by("def f():\n    import json\n    return json.loads('{')\n");
  CHECK(raised.type == "JSONDecodeError");
  CHECK(raised.line == 3);
  CHECK(raised.traceback.find("json.loads('{')") != std::string::npos);
  const schema::Raised syntax = raised_by("def f():\n    return (\n");
  CHECK(syntax.type == "SyntaxError");
  CHECK(syntax.line);
  CHECK(raised_by("import sys\ndef f(): sys.exit(3)\n").type == "SystemExit");
  const schema::Raised bad =
      raised_by("class E(Exception):\n    def __str__(self): raise ValueError\ndef f(): raise E()\n");
  CHECK(bad.type == "E");
}

TEST_CASE("a long text of an exception is cut between characters") {
  for (const char* text : {"'é' * 5000", "'x' + 'é' * 5000", "'😀' * 3000"}) {
    const schema::Raised raised = raised_by("def f(): raise ValueError(" + std::string(text) + ")\n");
    CHECK(raised.message.size() > 7990);
    CHECK(raised.message.size() <= 8000);
    const auto decoded = py::reinterpret_steal<py::object>(
        PyUnicode_DecodeUTF8(raised.message.data(), static_cast<Py_ssize_t>(raised.message.size()), "strict"));
    CHECK(decoded);
    PyErr_Clear();
  }
}
