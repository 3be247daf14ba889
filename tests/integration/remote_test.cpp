// The command line against a server: login, push, pull, list, show, logs; init and completion.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

/// The command line of somebody with a home of their own, and a server.
struct Home {
  Cli cli;
  Daemon daemon;
  Finished operator()(const std::vector<std::string>& arguments, const std::string& input = {}) const {
    Program::Options options;
    options.input = input;
    options.environment["HOME"] = cli.directory.path();
    options.environment["XDG_CONFIG_HOME"] = cli.directory.path() + "/config";
    return cli(arguments, options);
  }
  std::string server() const { return "http://127.0.0.1:" + std::to_string(daemon.port()); }
};

}  // namespace

TEST_CASE("sign in, push with files and modules, pull, list, show, logs") {
  const Home home;
  Daemon owner = home.daemon.apart();
  CHECK(has(home({"list", "--server", home.server()}).err, "sign in with `qflow login"));
  const std::string email = text(owner.get("/me")["email"]);
  const Finished in =
      home({"login", "--server", home.server(), "--email", email, "--password-stdin"}, std::string(kPassword) + "\n");
  CHECK_MESSAGE(in.code == 0, in.err);
  CHECK(has(in.out, "Signed in to " + home.server() + " as " + email));
  const std::string file = home.cli.directory.path() + "/config/qflow/client.json";
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));

  home.cli.directory.file("helpers.py", "X = 7\n");
  home.cli.directory.file("a.py", "import helpers\ndef a():\n    print('said')\n    return helpers.X\n");
  const std::string flow =
      home.cli.directory.file("flow.json", R"({"name": "pushed", "nodes": [{"id": "a", "file": "a.py"}]})");
  const Finished pushed = home({"push", flow});
  CHECK_MESSAGE(pushed.code == 0, pushed.err);
  CHECK(has(pushed.out, "Created \"pushed\": "));
  CHECK(has(home({"push", flow}).out, "Unchanged \"pushed\": "));
  CHECK(has(home({"push", flow}).out, "version 1"));
  CHECK(has(home({"list"}).out, "pushed"));
  const json::value workflows = json::parse(home({"list", "--json"}).out);
  REQUIRE(workflows.as_array().size() == 1);
  const std::string id = text(workflows.at(0).at("id"));
  const Answer done = owner.post("/workflows/" + id + "/execute?wait=20");
  CHECK(done["data"].at("outputs").at("a") == 7);
  const Finished shown = home({"show", text(done["id"])});
  for (const char* part : {"status     completed", "a | said", "a = 7"}) CHECK(has(shown.out, part));
  CHECK(home({"logs", "-f", text(done["id"])}).out == "a | said\n");

  const std::string target = home.cli.directory.path() + "/pulled.json";
  CHECK(home({"pull", "pushed", target}).code == 0);
  CHECK(home({"pull", "pushed", target}).code == 2);  // it exists
  CHECK(has(qflow::sandbox::read_file(target, 1 << 20), "import helpers"));
  CHECK(home({"run", target, "-q"}).out == "a = 7\n");
  CHECK(has(home({"pull", "nothing"}).err, "no workflow"));
  CHECK(has(home({"open"}).out, home.server()));
  CHECK(has(home({"list", "--server", "127.0.0.1:1"}).err, "http://127.0.0.1:1 cannot be reached"));
}

TEST_CASE("an execution of this machine is shown from its record") {
  const Home home;
  const Finished ran = home({"run", home.cli.flow(chain({node("f", "def f():\n    print('hi')\n    return 0.5")}))});
  const auto at = ran.err.find("execution ");
  REQUIRE(at != std::string::npos);
  const std::string id = ran.err.substr(at + 10, 36);
  const Finished shown = home({"show", id});
  CHECK(has(shown.out, "f | hi"));
  CHECK(has(shown.out, "f = 0.5"));
  CHECK(json::parse(home({"show", id, "--json"}).out).at("status") == "completed");
  CHECK(home({"logs", id}).out == "f | hi\n");
  CHECK(has(home({"show", "nothing"}).err, "no execution nothing is recorded in"));
}

TEST_CASE("init gives a flow that runs and has no findings; nothing is overwritten") {
  const Home home;
  const std::string folder = home.cli.directory.path() + "/first steps";
  CHECK(home({"init", folder}).code == 0);
  CHECK(home({"run", folder + "/flow.json", "-q"}).out == "count = {\"to\":2,\"be\":2,\"or\":1,\"not\":1}\n");
  CHECK(has(home({"check", folder + "/flow.json"}).out, "no findings"));
  const Finished again = home({"init", folder});
  CHECK(again.code == 2);
  CHECK(has(again.err, "/flow.json exists"));
}

TEST_CASE("completion knows every command and option; shells read it") {
  const Home home;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = home({"completion", shell}).out;
    for (const char* word : {"run", "push", "input-file", "passwd"})
      CHECK_MESSAGE(has(script, word), shell << ": " << word);
  }
  const std::string script = home.cli.directory.file("completion", home({"completion", "bash"}).out);
  const Finished completed =
      run({"/bin/bash", "-c",
           "source " + script + "; COMP_WORDS=(qflow user pas); COMP_CWORD=2; _qflow; echo ${COMPREPLY[@]}"});
  CHECK(completed.out == "passwd\n");
  CHECK(home({"completion", "powershell"}).code == 2);
}

TEST_CASE("errors of commands say what is wrong and what to do") {
  const Home home;
  CHECK(has(home({"runn"}).err, "there is no command runn; did you mean run?"));
  CHECK(home({"runn"}).code == 2);
  CHECK(has(home({"config", "check", "/nowhere/x.toml"}).err, "/nowhere/x.toml: there is no such file"));
  const std::string sheet = home.cli.directory.file("in.xlsx", "PK no database");
  CHECK(has(home({"restore", sheet}).err, "is not a backup made by `qflow backup`: it is not a SQLite database"));
  CHECK(home({"user", "add", "a@example.org", "--password-stdin"}, "Passw0rd-one\n").code == 0);
  CHECK(home({"user", "add", "b@example.org", "--password-stdin"}, "Passw0rd-two\n").code == 0);
  const std::string saved = home.cli.directory.path() + "/saved";
  CHECK(home({"backup", saved}).code == 0);
  CHECK(has(home({"backup", saved}).err, "exists; --force replaces it"));
  CHECK(home({"backup", saved, "--force"}).code == 0);
  CHECK(home({"user", "role", "b@example.org", "admin"}).code == 0);
  CHECK(has(home({"user", "list"}).out, "b@example.org                            admin"));
  CHECK(home({"token", "create", "for b", "--user", "b@example.org", "--scope", "workflows:read"}).code == 0);
  const std::string tokens = home({"token", "list"}).out;
  CHECK(has(tokens, "b@example.org"));
  CHECK(has(tokens, "workflows:read"));
  CHECK(has(home({"user", "delete", "a@example.org"}).err, "there is exactly one owner, who stays"));
  CHECK(has(home({"user", "delete", "b@example.org"}).out, "b@example.org was deleted"));
}

TEST_CASE("misspelt members of requests and query parameters are named") {
  Daemon daemon;
  const std::string id = daemon.store(chain({node("f", "def f(x=1): return x")}));
  const Answer body = daemon.post("/workflows/" + id + "/execute", {{"input", {{"x", 2}}}});
  CHECK(body.status == 400);
  CHECK(has(body.body, "/input: there is no such member; did you mean input_data?"));
  const Answer query = daemon.get("/executions?limt=5");
  CHECK(query.status == 400);
  CHECK(has(query.body, "limt: there is no such query parameter; did you mean limit?"));
  CHECK(daemon.get("/executions?limit=5&cachebuster=1").status == 200);
  // A change that changes nothing is no version.
  CHECK(daemon.call("PATCH", "/workflows/" + id, json::object()).parsed().at("version") == 1);
  const Answer done = daemon.post("/workflows/" + id + "/execute?wait=20");
  CHECK(done["finished"] == true);
  CHECK(daemon.post("/executions/" + text(done["id"]) + "/stop").status == 409);
}
