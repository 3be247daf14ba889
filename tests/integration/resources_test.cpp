// Credentials, the node library, types, environments, settings, webhooks, AI, health: as a client would use them. The
// test client also checks each answer against schema/openapi.yaml.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <set>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one({"--allow-network"});
  return one;
}

}  // namespace

TEST_CASE("credentials are stored and never shown") {
  const Answer made = daemon().post(
      "/credentials",
      {{"name", "db"}, {"type", "httpBasicAuth"}, {"data", {{"user", "u"}, {"password", "hunter2-secret"}}}});
  REQUIRE(made.status == 201);
  const std::string path = "/credentials/" + text(made["id"]);
  for (const Answer& answer : {made, daemon().get(path), daemon().get("/credentials")})
    CHECK(answer.body.find("hunter2") == std::string::npos);
  CHECK(daemon().call("PATCH", path, {{"name", "renamed"}})["name"] == "renamed");
  CHECK(daemon().call("PATCH", path, {{"data", {{"nonsense", "x"}}}}).status == 400);
  CHECK(daemon().call("PATCH", path, {{"type", "apiKey"}}).status == 400);
  CHECK(daemon().post("/credentials", {{"name", "x"}, {"type", "odd"}, {"data", json::object()}}).status == 400);
  CHECK(daemon().post("/credentials", {{"name", "x"}, {"type", "apiKey"}}).status == 400);
  Daemon other = daemon().as_user("creds@example.org");
  CHECK(other.get(path).status == 404);
  CHECK(other.call("DELETE", path).status == 404);
  CHECK(daemon().get("/credentials/types").parsed().as_array().size() >= 3);
  CHECK(daemon().get("/credentials/types/oAuth2")["properties"].as_array().size() > 1);
  CHECK(daemon().get("/credentials/types/nope").status == 404);
  // Nor is the password in any file of the data directory.
  const Finished grep = run({"grep", "-r", "-l", "hunter2", daemon().directory()->path()});
  CHECK(grep.out == "");
  CHECK(daemon().call("DELETE", path).status == 200);
}

TEST_CASE("the node library: types from the code, versions, tags, tests, who may change a node") {
  const Answer made = daemon().post(
      "/nodes",
      {{"name", "double"}, {"code", "def double(x: int) -> float:\n    return x * 2.0\n"}, {"is_public", true}});
  REQUIRE(made.status == 201);
  CHECK(made["main_function"] == "double");
  CHECK(made["input_types"].at("x") == "integer");
  CHECK(made["output_types"].at("output") == "float");
  const std::string path = "/nodes/" + text(made["id"]);
  CHECK(daemon().post(path + "/test", {{"input_data", {{"x", 4}}}})["output"] == 8.0);
  CHECK(daemon().call("PATCH", path, {{"description", "d"}})["version"] == 1);
  const Answer changed = daemon().call("PATCH", path, {{"code", "def double(x: str) -> str:\n    return x * 2\n"}});
  CHECK(changed["version"] == 2);
  CHECK(changed["input_types"].at("x") == "string");
  CHECK(daemon().get(path + "/versions")["data"].as_array().size() == 2);
  CHECK(text(daemon().get(path + "/versions/1")["code"]).find("2.0") != std::string::npos);
  CHECK(daemon().get(path + "/versions/7").status == 404);
  CHECK(daemon().get(path + "/description")["inputs"].at(0).at("name") == "x");
  daemon().post("/nodes/tags", {{"name", "maths"}});
  CHECK(daemon().call("PATCH", path, {{"tags", {"maths"}}})["tags"].at(0).at("name") == "maths");
  CHECK(daemon().get("/nodes/tags")["tags"].as_array().size() == 1);
  const json::value all = daemon().get("/nodes").parsed();
  CHECK(all.at(0).at("type") == "qflow.python");
  CHECK(all.as_array().size() >= 2);
  CHECK(daemon().get("/nodes?search=doub").parsed().as_array().size() == 1);
  CHECK(daemon().get("/nodes/python")["displayName"] == "Python");
  CHECK(daemon().get("/nodes/qflow.python/description")["type"] == "qflow.python");
  Daemon other = daemon().as_user("nodes@example.org");
  CHECK(other.get(path).status == 200);  // public
  CHECK(other.call("PATCH", path, {{"name", "mine"}}).status == 403);
  CHECK(other.call("DELETE", path).status == 403);
  CHECK(daemon().call("PATCH", path, {{"is_public", false}}).status == 200);
  CHECK(other.get(path).status == 404);
  const Answer broken = daemon().post("/nodes", {{"name", "broken"}, {"code", "def broken(:"}});
  CHECK(broken.status == 201);  // people save unfinished work
  CHECK(daemon().call("DELETE", path).status == 200);
  CHECK(daemon().get("/nodes/python/types")["types"].as_array().size() >= 20);
}

TEST_CASE("types: the list, the matrix, checks, conversions, user-defined types") {
  CHECK(daemon().get("/types/compatibility")["matrix"].as_array().size() == 400);
  const auto check = [&](const char* a, const char* b) {
    return daemon().post("/types/compatibility/check", {{"source_type", a}, {"target_type", b}});
  };
  CHECK(check("number", "integer")["compatible"] == true);
  CHECK(check("int", "str")["compatible"] == false);
  CHECK(check("int", "str")["conversion_method"] == "str()");
  CHECK(check("string", "number")["conversion_required"] == true);
  CHECK(check("odd", "any")["compatible"] == false);
  const auto convert = [&](const char* a, const char* b, json::value value) {
    return daemon().post("/types/conversion", {{"source_type", a}, {"target_type", b}, {"value", std::move(value)}});
  };
  CHECK(convert("string", "integer", " 12 ")["converted_value"] == 12);
  CHECK(convert("float", "integer", 1.5).status == 422);
  CHECK(convert("odd", "integer", 1).status == 400);
  CHECK(daemon().post("/types/conversion", {{"source_type", "string"}, {"target_type", "integer"}}).status == 400);
  const Answer made = daemon().post("/types", {{"name", "Invoice"}, {"definition", {{"extends", "dict"}}}});
  REQUIRE(made.status == 201);
  CHECK(made["is_builtin"] == false);
  CHECK(check("Invoice", "Invoice")["compatible"] == true);
  CHECK(check("Invoice", "object")["compatible"] == true);
  CHECK(check("Invoice", "string")["compatible"] == false);
  CHECK(check("dict", "Invoice")["compatible"] == false);
  CHECK(daemon().post("/types", {{"name", "Invoice"}}).status == 409);
  CHECK(daemon().post("/types", {{"name", "list"}}).status == 400);
  CHECK(daemon().call("PATCH", "/types/string", {{"description", "x"}}).status == 403);
  CHECK(daemon().call("DELETE", "/types/string").status == 403);
  Daemon other = daemon().as_user("types@example.org");
  CHECK(other.call("DELETE", "/types/" + text(made["id"])).status == 403);
  CHECK(daemon().get("/types/str")["name"] == "string");
  CHECK(daemon().call("PATCH", "/types/" + text(made["id"]), {{"description", "x"}})["description"] == "x");
  const std::string base = "/api/type-validation/";
  CHECK(daemon().post(base + "validate-types", {{"source_type", "set"}, {"target_type", "list"}})["compatible"] ==
        true);
  const Answer connection = daemon().post(
      base + "validate-connection",
      {{"source", {{"outputs", {{{"name", "o"}, {"type", "string"}}, {{"name", "p"}, {"type", "list"}}}}}},
       {"target", {{"inputs", {{{"name", "i"}, {"type", "array"}}}}}}});
  CHECK(connection["can_connect"] == true);
  CHECK(connection["pairs"].as_array().size() == 2);
  CHECK(daemon().get(base + "compatible-types/tuple").body.find("array") != std::string::npos);
  CHECK(daemon().get(base + "compatible-types/odd").status == 404);
  CHECK(daemon().get(base + "supported-types").body.find("Invoice") != std::string::npos);
  CHECK(daemon().post("/nodes/python/types/validate",
                      {{"source_type", "list"}, {"target_type", "dict"}})["compatible"] == false);
  CHECK(daemon().post("/nodes/python/types/validate", {{"code", "def f(a: int) -> str: return ''"}})["valid"] == true);
  CHECK(daemon().call("DELETE", "/types/" + text(made["id"])).status == 200);
}

TEST_CASE("containers are separate environments, which workflows can name") {
  const Answer made = daemon().post("/containers", json::object());
  REQUIRE(made.status == 201);
  const std::string id = text(made["id"]);
  const std::string path = "/containers/" + id;
  REQUIRE(eventually([&] { return daemon().get(path)["status"] == "running"; }));
  json::object workflow = greeting();
  workflow["settings"] = {{"container", id}};
  CHECK(daemon().run(workflow)["status"] == "completed");
  const Answer resources = daemon().get(path + "/resources");
  CHECK(resources["memory_bytes"].to_number<std::int64_t>() > 100'000);
  CHECK(daemon().get("/containers")["containers"].as_array().size() == 1);
  CHECK(eventually([&] { return !daemon().get(path + "/logs")["logs"].as_array().empty(); }));
  CHECK(daemon().get(path + "/dependencies")["dependencies"].as_array().empty());
  CHECK(daemon().post(path + "/dependencies", {{"packages", {"requests>=2.31"}}}).status == 501);
  for (const char* bad : {"x; rm -rf /", "--index-url", "a b", ""})
    CHECK(daemon().post(path + "/dependencies", {{"packages", {bad}}}).status == 400);
  CHECK(daemon().call("DELETE", path + "/dependencies/requests").status == 501);
  CHECK(daemon().post("/containers", {{"python_version", "2.7"}}).status == 400);
  Daemon other = daemon().as_user("containers@example.org");
  CHECK(other.get(path).status == 404);
  CHECK(error_code(other.run(workflow)) == "missing_container");
  CHECK(daemon().call("DELETE", path).status == 200);
  CHECK(daemon().get(path).status == 404);
  CHECK(error_code(daemon().run(workflow)) == "missing_container");
}

TEST_CASE("settings: changed while the server runs, never above the configuration") {
  Daemon own({"--memory", "1024", "--timeout", "10"});
  const Answer before = own.get("/settings");
  CHECK(before["containers"].at("max_memory") == 1024 << 20);
  const Answer changed =
      own.call("PATCH", "/settings", {{"containers", {{"max_memory", 256 << 20}, {"timeout", 0.5}}}});
  REQUIRE(changed.status == 200);
  const Answer slow = own.node("import time\ndef f(): time.sleep(5)");
  CHECK(slow["outcome"] == "timed_out");
  const Answer large = own.node("def f(): return len(bytearray(400_000_000))");
  CHECK(large["outcome"] == "memory_limit");
  CHECK(own.call("PATCH", "/settings", {{"containers", {{"max_memory", 2048LL << 20}}}}).status == 400);
  CHECK(own.call("PATCH", "/settings", {{"python", {{"default_version", "2.7"}}}}).status == 400);
  Daemon again({"--memory", "1024"}, {}, [&] {
    own.program().signal(SIGTERM);
    own.program().wait(std::chrono::seconds(20));
    return own.directory();
  }());
  CHECK(again.get("/settings")["containers"].at("max_memory") == 256 << 20);
}

TEST_CASE("webhooks run active workflows, and can answer with their result") {
  const Answer imported = daemon().post("/templates/webhook-echo/import");
  const std::string id = text(imported["id"]);
  const Answer result =
      daemon().post("/webhooks", {{"workflowId", id}, {"path", "echo/it"}, {"method", "POST"}, {"response", "result"}});
  REQUIRE(result.status == 201);
  const Answer accepted = daemon().post("/webhooks", {{"workflowId", id}, {"method", "GET"}});
  Daemon stranger = daemon().with_headers("");
  CHECK(stranger.post("/webhook/echo/it").status == 404);  // not active
  daemon().post("/workflows/" + id + "/activate");
  const Answer answer =
      stranger.send("POST", "/webhook/echo/it?a=1", R"({"b":2})", "Content-Type: application/json\r\n");
  REQUIRE(answer.status == 200);
  CHECK(answer["body"].at("b") == 2);
  CHECK(answer["query"].at("a") == "1");
  const Answer started = stranger.get(text(accepted["url"]));
  CHECK(started.status == 202);
  CHECK(
      eventually([&] { return daemon().get("/executions/" + text(started["executionId"]))["status"] == "completed"; }));
  CHECK(stranger.get("/webhook/echo/it").status == 404);  // another method
  CHECK(stranger.get("/webhook/nope").status == 404);
  // The workflow does not see a proof of this server; it does see other headers.
  const Answer signed_in = daemon().send("POST", "/webhook/echo/it", "x", "X-Other: kept\r\n");
  CHECK(signed_in.status == 200);
  const Answer last = daemon().get("/executions?workflowId=" + id + "&limit=1");
  const Answer record = daemon().get("/executions/" + text(last["results"].at(0).at("id")));
  CHECK(record.body.find(daemon().token()) == std::string::npos);
  CHECK(daemon().send("HEAD", text(accepted["url"])).status == 405);
  // A user who may no longer sign in runs nothing any more.
  Daemon former = daemon().as_user("former@example.org");
  const std::string theirs = text(former.post("/templates/webhook-echo/import")["id"]);
  former.post("/workflows/" + theirs + "/activate");
  former.post("/webhooks", {{"workflowId", theirs}, {"path", "former"}, {"method", "GET"}});
  CHECK(stranger.get("/webhook/former").status == 202);
  daemon().call("PATCH", "/users/" + text(former.get("/me")["id"]), {{"isActive", false}});
  CHECK(stranger.get("/webhook/former").status == 404);
  CHECK(daemon().post("/webhooks", {{"workflowId", id}, {"path", "echo/it"}, {"method", "POST"}}).status == 409);
  CHECK(daemon().post("/webhooks", {{"workflowId", "nope"}}).status == 400);
  CHECK(daemon().post("/webhooks", {{"workflowId", id}, {"path", "../x y"}}).status == 400);
  CHECK(daemon().post("/webhooks", {{"workflowId", id}, {"node", "nope"}}).status == 400);
  CHECK(daemon().get("/webhooks?workflowId=" + id)["data"].as_array().size() == 2);
  const std::string path = "/webhooks/" + text(result["id"]);
  CHECK(daemon().get(path)["path"] == "echo/it");
  Daemon other = daemon().as_user("hooks@example.org");
  CHECK(other.get(path).status == 404);
  CHECK(daemon().call("DELETE", path).status == 200);
  CHECK(stranger.post("/webhook/echo/it").status == 404);
}

TEST_CASE("AI: answers from the graph or from a configured server, or an error that says what to configure") {
  const std::string id = text(daemon().post("/templates/text-statistics/import")["id"]);
  const Answer explained = daemon().post("/ai/explain", {{"workflowId", id}});
  CHECK(explained["nodes"].as_array().size() == 4);
  CHECK(text(explained["explanation"]).find("begins with words and ends with report") != std::string::npos);
  const Answer better = daemon().post("/ai/optimize", {{"workflowId", id}});
  CHECK(better["independent_nodes"].as_array().size() == 1);
  json::object twice = flow({node("a", "def a(): return 1"), node("b", "def a(): return 1")}, {});
  CHECK(daemon().post("/ai/optimize", {{"workflow", twice}}).body.find("duplicate") != std::string::npos);
  CHECK(daemon().post("/ai/explain", json::object()).status == 400);
  CHECK(daemon().post("/ai/explain", {{"workflowId", "nope"}}).status == 404);
  const Answer generated = daemon().post("/ai/generate", {{"prompt", "add two numbers"}});
  CHECK(generated.status == 501);
  CHECK(text(generated["error"].at("message")).find("ai.url") != std::string::npos);

  // A server that speaks OpenAI's protocol.
  const TempDir directory;
  const std::string script = directory.file("server.py", R"(
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = "Here:\n```python\n# " + asked["model"] + "\ndef add(a: int, b: int) -> int:\n    return a + b\n```\n"
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200 if self.path == "/v1/chat/completions" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
)");
  Program server({"python3", script});
  const std::string port = server.line(std::chrono::seconds(20));
  const std::string number = port.substr(0, port.find('\n'));
  Daemon configured({"--ai-url", "http://127.0.0.1:" + number + "/v1", "--ai-model", "tiny"});
  const Answer code_made = configured.post("/ai/generate", {{"prompt", "add two numbers"}});
  REQUIRE(code_made.status == 200);
  CHECK(text(code_made["code"]).starts_with("# tiny\ndef add"));
  Daemon wrong({"--ai-url", "http://127.0.0.1:" + number + "/v2", "--ai-model", "tiny"});
  CHECK(wrong.post("/ai/generate", {{"prompt", "x"}}).status == 503);
}

TEST_CASE("health checks, metrics, the API description, user settings") {
  for (const char* check : {"database", "redis", "containers", "python", "workflows"})
    CHECK(daemon().get(std::string("/health/") + check).status == 200);
  CHECK(daemon().get("/health/odd").status == 404);
  daemon().run(greeting());
  const Answer metrics = daemon().get("/metrics");
  CHECK(metrics.status == 200);
  for (const char* family :
       {"qflow_workflow_execution_duration_seconds", "qflow_node_execution_duration_seconds",
        "qflow_python_code_execution_duration_seconds", "qflow_python_dependency_installation_duration_seconds",
        "qflow_python_container_creation_duration_seconds", "qflow_type_validation_duration_seconds",
        "qflow_type_conversion_duration_seconds", "qflow_data_serialization_duration_seconds",
        "qflow_data_transfer_size_bytes", "qflow_data_flow_duration_seconds", "qflow_workflow_executions_total",
        "qflow_node_executions_total", "qflow_type_compatibility_checks_total", "qflow_workflow_success_rate",
        "qflow_node_error_rate", "qflow_container_cpu_usage_percent", "qflow_container_memory_usage_bytes",
        "qflow_container_disk_usage_bytes", "qflow_active_containers"})
    CHECK_MESSAGE(metrics.body.find(std::string("# TYPE ") + family + " ") != std::string::npos, family);
  CHECK(metrics.body.find("qflow_workflow_executions_total{python_version=") != std::string::npos);
  CHECK(daemon().get("/openapi.json")["openapi"] == "3.1.0");
  const std::string me = text(daemon().get("/me")["id"]);
  CHECK(daemon().call("PATCH", "/users/" + me + "/settings", {{"theme", "dark"}, {"x", 1}})["theme"] == "dark");
  CHECK_FALSE(
      daemon().call("PATCH", "/users/" + me + "/settings", {{"x", nullptr}}).parsed().as_object().contains("x"));
  CHECK(daemon().get("/users/" + me + "/settings")["theme"] == "dark");
  CHECK(daemon().get("/users")["count"].to_number<int>() >= 1);
  CHECK(daemon().get("/users/me")["id"] == daemon().get("/me")["id"]);
}
