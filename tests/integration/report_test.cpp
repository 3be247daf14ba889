// The picture of an execution: its page of HTML, and its timeline in a terminal.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

constexpr const char* kEvil = "<script>alert('x')</script>";

// Names, values, prints and errors that would be markup; a table, a picture, branches, rounds, a branch not taken.
json::object hostile_flow() {
  const auto code = [](const std::string& id, const std::string& name, const std::string& text,
                       json::object more = {}) {
    json::object node{{"id", id}, {"name", name}, {"code", text}};
    for (const auto& [key, value] : more) node[key] = value;
    return node;
  };
  return {
      {"name", std::string("report ") + kEvil},
      {"settings", {{"parallel", "on"}}},
      {"nodes",
       json::array{
           code("rows", kEvil,
                "def rows():\n    print('</pre><b>bold</b> \\x1b[31m')\n    return [{'a<b>': '<i>1</i>', 'n': i} for i "
                "in range(60)]"),
           code("plot", "plot",
                "import pathlib\ndef plot(v):\n    p = pathlib.Path('/tmp/dot.png')\n    "
                "p.write_bytes(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20))\n    return p"),
           code("bad", "bad", "def bad(v):\n    x = 1\n    return v['<svg onload=alert(1)>']",
                {{"onError", "continueErrorOutput"}}),
           {{"id", "if"}, {"name", "if"}, {"type", "qflow.if"}, {"parameters", {{"condition", "len(value) > 3"}}}},
           code("many", "many", "def many(v): return len(v)"),
           code("few", "few", "def few(v): return 0"),
           code("shape", "shape",
                "def shape(): return {'__type': 'DataFrame', 'value': {'columns': ['a'], 'rows': [[1]], 'shape': "
                "[-1]}}")}},
      {"connections", connections_of({"rows > plot", "rows > bad", "rows > if", "if.true > many", "if.false > few"})}};
}

void check_page(const std::string& page) {
  CHECK(page.starts_with("<!doctype html>"));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<b>bold"));
  CHECK_FALSE(has(page, "<svg onload"));
  CHECK_FALSE(has(page, "<i>1"));
  CHECK_FALSE(has(page, "http:"));
  CHECK_FALSE(has(page, "https:"));
  CHECK_FALSE(has(page, "\x1b"));
  CHECK(has(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
  CHECK(has(page, "<th>a&lt;b&gt;</th><th>n</th>"));
  CHECK(has(page, "50 of 60 rows, 2 of 2 columns"));
  CHECK(has(page, "src=\"data:image/png;base64,iVBORw0KGgo"));
  CHECK(has(page, "<span class=\"here\">   3      return v[&#39;&lt;svg onload=alert(1)&gt;&#39;]"));
  CHECK(has(page, "class=\"edge dead\""));
  CHECK(has(page, "not taken by &quot;if&quot;"));
  CHECK(has(page, "branch 1"));
}

}  // namespace

TEST_CASE("the report of an execution stands by itself, and hostile values stay text") {
  Daemon daemon;
  const Answer done = daemon.run(hostile_flow());
  REQUIRE(done["status"] == "completed");
  const std::string id = text(done["id"]);
  const Answer page = daemon.send("GET", "/executions/" + id + "/report");
  REQUIRE(page.status == 200);
  CHECK(has(page.headers, "text/html"));
  CHECK(has(page.headers, "default-src 'none'"));
  check_page(page.body);
  CHECK(daemon.as_user("other@example.com").send("GET", "/executions/" + id + "/report").status == 404);
  CHECK(daemon.with_headers("").send("GET", "/executions/" + id + "/report").status == 401);
}

TEST_CASE("qflow run writes the report, and qflow show draws the timeline") {
  const Cli cli;
  const std::string path = cli.flow(hostile_flow());
  const std::string page = path + ".html";
  const auto done = cli({"run", path, "--report", page});
  REQUIRE(done.code == 0);
  std::ifstream file(page);
  std::stringstream text_of;
  text_of << file.rdbuf();
  check_page(text_of.str());
  const auto at = done.err.find("execution ");
  REQUIRE(at != std::string::npos);
  const std::string id = done.err.substr(at + 10, 36);
  const auto shown = cli({"show", id, "--timeline"});
  CHECK(shown.code == 0);
  CHECK(has(shown.out, "█"));
  CHECK(has(shown.out, "plot"));
  CHECK(has(shown.out, "branch 1"));
  CHECK(has(shown.out, "failed"));
  CHECK_FALSE(has(shown.out, "few"));
}
