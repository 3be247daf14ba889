// Virtual environments that somebody has prepared: what nodes see of them, who chooses them, what is refused.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"
#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

namespace fs = std::filesystem;

// Below /var/tmp: a sandbox has its own /tmp.
class Venvs {
 public:
  Venvs() {
    std::string path = "/var/tmp/qflow-venv-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    fs::permissions(path, fs::perms(0755));
    root_ = path;
  }
  ~Venvs() { fs::remove_all(root_); }
  Venvs(const Venvs&) = delete;
  Venvs& operator=(const Venvs&) = delete;

  // Made by Debian's python3, which needs no pip for this.
  std::string make(const std::string& name, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> command{"/usr/bin/python3", "-m", "venv", "--without-pip"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back((root_ / name).string());
    const auto made = run(command);
    REQUIRE_MESSAGE(made.code == 0, made.err);
    return root_ / name;
  }
  static fs::path packages(const std::string& venv) { return fs::path(venv) / "lib/python3.11/site-packages"; }
  static void put(const std::string& venv, const std::string& file, const std::string& text) {
    const fs::path path = packages(venv) / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

json::object importing(const std::string& expression, const std::string& imports) {
  return flow_of({code("n", "import " + imports + "\ndef n(): return " + expression)}, {});
}

}  // namespace

TEST_CASE("nodes import what is in a virtual environment, and nothing of the Python's own packages beside it") {
  const Venvs venvs;
  const std::string venv = venvs.make("one");
  Venvs::put(venv, "greeting/__init__.py",
             "from pathlib import Path\nWORD = Path(__file__).with_name('word.txt').read_text()\n");
  Venvs::put(venv, "greeting/word.txt", "hello");
  Venvs::put(venv, "more.pth", "extra\n");
  Venvs::put(venv, "extra/beside.py", "X = 3\n");
  const Cli cli;
  const auto output = [&](const json::object& flow, std::vector<std::string> options) {
    return cli.json_of(flow, std::move(options)).at("outputs").at("n");
  };
  CHECK(output(importing("[greeting.WORD, beside.X, sys.prefix]", "greeting, beside, sys"), {"--venv", venv}) ==
        json::array{"hello", 3, venv});
  // Not in the base environment.
  CHECK(text(cli.json_of(importing("greeting.WORD", "greeting")).at("status")) == "failed");
  const json::object numpy =
      importing("__import__('importlib.util', fromlist=['x']).find_spec('numpy') is not None", "sys");
  CHECK(output(numpy, {}) == true);
  CHECK(output(numpy, {"--venv", venv}) == false);
  CHECK(output(numpy, {"--venv", venvs.make("both", {"--system-site-packages"})}) == true);
  // Nobody writes there.
  const json::value written = cli.json_of(importing("open(sys.prefix + '/x', 'w')", "sys"), {"--venv", venv});
  CHECK(has(text(written.at("error")), "Error: [Errno"));
  CHECK_FALSE(fs::exists(venv + "/x"));
  // What is installed later is there, and the types of code are read with it.
  Venvs::put(venv, "later.py", "class Row: pass\n");
  CHECK(output(importing("later.Row.__name__", "later"), {"--venv", venv}) == "Row");
  const std::string flow = cli.flow(importing("missing_one.x", "missing_one"));
  const auto before = cli({"check", flow, "--venv", venv});
  CHECK(before.code == 1);
  CHECK(has(before.out, "missing_package"));
  Venvs::put(venv, "missing_one.py", "x = 1\n");
  CHECK(cli({"check", flow, "--venv", venv}).code == 0);
}

TEST_CASE("the active virtual environment is used, and that is said") {
  const Venvs venvs;
  const std::string venv = venvs.make("active");
  Venvs::put(venv, "only_here.py", "X = 1\n");
  const Cli cli;
  const std::string flow = cli.flow(importing("only_here.X", "only_here"));
  REQUIRE(::setenv("VIRTUAL_ENV", venv.c_str(), 1) == 0);
  const auto used = cli({"run", flow});
  CHECK(used.code == 0);
  CHECK(has(used.err, "packages of " + venv + " ($VIRTUAL_ENV"));
  CHECK(cli({"run", flow, "--venv", "none"}).code == 1);
  REQUIRE(::setenv("VIRTUAL_ENV", "/nowhere", 1) == 0);
  const auto gone = cli({"run", cli.flow(importing("1", "sys"))});
  CHECK(gone.code == 0);
  CHECK(has(gone.err, "the active virtual environment is not used: $VIRTUAL_ENV /nowhere: not a directory"));
  ::unsetenv("VIRTUAL_ENV");
}

TEST_CASE("what is no usable virtual environment is refused by name") {
  const Venvs venvs;
  const Cli cli;
  const std::string flow = cli.flow(importing("1", "sys"));
  const auto refused = [&](const std::string& path) {
    const auto ran = cli({"run", flow, "--venv", path});
    CHECK(ran.code == 2);
    return ran.err;
  };
  CHECK(has(refused("/nowhere"), "--venv /nowhere: not a directory on this host"));
  CHECK(has(refused("/usr"), "too much of the host"));
  fs::create_directories("/tmp/qflow-venv-in-tmp");
  CHECK(has(refused("/tmp/qflow-venv-in-tmp"), "every sandbox has its own /tmp/ there"));
  fs::remove("/tmp/qflow-venv-in-tmp");
  fs::create_directories(venvs.root() / "empty");
  CHECK(has(refused((venvs.root() / "empty").string()), "not a virtual environment"));
  fs::create_directories(venvs.root() / "old/lib/python3.7/site-packages");
  CHECK(has(refused((venvs.root() / "old").string()), "it is of Python 3.7, which is not installed here with Qflow"));
  const std::string line = (venvs.root() / "a\nmount X").string();
  fs::create_directories(line + "/lib/python3.11/site-packages");
  CHECK(has(refused(line), "control characters"));
  // One that the workers' user cannot read says what to do.
  const std::string closed = venvs.make("closed");
  fs::permissions(Venvs::packages(closed), fs::perms(0700));
  if (::geteuid() == 0) {
    const auto ran = cli({"run", flow, "--venv", closed});
    CHECK(ran.code != 0);
    CHECK(has(ran.err, "chmod -R o+rX"));
  }
  // A package whose module is called as one of the library's does not take its place.
  const std::string hostile = venvs.make("hostile");
  Venvs::put(hostile, "json.py", "raise SystemExit('mine')\n");
  CHECK(cli({"run", cli.flow(importing("json.dumps(1)", "json")), "--venv", hostile}).code == 0);
}

TEST_CASE("a server has prepared environments, which workflows name") {
  const Venvs venvs;
  const std::string science = venvs.make("science"), plain = venvs.make("plain");
  Venvs::put(science, "tool.py", "NAME = 'science'\n");
  Venvs::put(plain, "tool.py", "NAME = 'plain'\n");
  Daemon daemon({"--environment", science, "--environment", plain});
  const auto tool_in = [&](const json::value& container) {
    json::object flow = importing("tool.NAME", "tool");
    if (!container.is_null()) flow["settings"] = json::object{{"container", container}};
    return daemon.run(flow);
  };
  CHECK(tool_in("science")["data"].at("outputs").at("n") == "science");
  CHECK(tool_in("plain")["data"].at("outputs").at("n") == "plain");
  CHECK(tool_in(nullptr)["status"] == "failed");
  json::object wrong = importing("1", "sys");
  wrong["settings"] = json::object{{"container", "scienze"}};
  const Answer refused = daemon.post("/workflows/" + daemon.store(wrong) + "/execute");
  CHECK(refused.status == 400);
  CHECK(has(refused.body, "did you mean science"));
  CHECK(has(daemon.get("/health/python").body, science));
}
