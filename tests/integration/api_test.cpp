// Workflows with versions, tags and folders, templates, executions: as a client would use them. The test client also
// checks each answer against schema/openapi.yaml.
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

TEST_CASE("workflows: stored, changed, listed, filtered, versioned, restored") {
  json::object first = greeting("alpha");
  first["meta"] = {{"kept", true}};
  const std::string id = daemon().store(first);
  const Answer stored = daemon().get("/workflows/" + id);
  CHECK(stored["meta"].at("kept") == true);
  CHECK(stored["version"] == 1);
  CHECK(stored["active"] == false);
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"name", "alpha two"}, {"description", "d"}})["version"] == 2);
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"nodes", {node("other", "def other(): return 2")}}})["version"] ==
        3);
  const Answer versions = daemon().get("/workflows/" + id + "/versions");
  CHECK(versions["data"].as_array().size() == 3);
  CHECK(versions["data"].at(0).at("version") == 3);
  CHECK(text(daemon().get("/workflows/" + id + "/versions/1")["nodes"].at(0).at("id")) == "greet");
  CHECK(daemon().get("/workflows/" + id + "/versions/9").status == 404);
  CHECK(daemon().get("/workflows/" + id + "/versions/x").status == 404);
  const Answer restored = daemon().post("/workflows/" + id + "/versions/1/restore");
  CHECK(restored["version"] == 4);
  CHECK(text(restored["nodes"].at(0).at("id")) == "greet");
  daemon().store(greeting("beta"));
  CHECK(daemon().get("/workflows?filter=%7B%22name%22:%22ALPHA%22%7D")["count"] == 1);
  CHECK(daemon().get("/workflows?filter=%7B%22active%22:true%7D")["count"] == 0);
  const Answer page = daemon().get("/workflows?take=1&sortBy=name:asc&includeScopes=true");
  CHECK(page["data"].as_array().size() == 1);
  CHECK(page["count"].to_number<int>() >= 2);
  CHECK(page["data"].at(0).as_object().contains("scopes"));
  CHECK(daemon().get("/workflows?options=%7B%22skip%22:1,%22take%22:1%7D")["data"].as_array().size() == 1);
  CHECK(daemon().get("/workflows?onlySharedWithMe=true")["count"] == 0);
  CHECK(text(daemon().get("/workflows/new?name=beta")["name"]) == "beta 2");
  CHECK(daemon().call("DELETE", "/workflows/" + id)["success"] == true);
  CHECK(daemon().get("/workflows/" + id).status == 404);
  CHECK(daemon().call("DELETE", "/workflows/" + id).status == 404);
}

TEST_CASE("members that only replies have are not stored when a client sends a reply back") {
  json::object sent = greeting("returned");
  sent["findings"] = {{{"message", "an old one"}}};
  sent["scopes"] = {"workflow:read"};
  const std::string id = daemon().store(sent);
  const Answer stored = daemon().get("/workflows/" + id);
  CHECK_FALSE(stored.parsed().as_object().contains("scopes"));
  CHECK_FALSE(stored.parsed().as_object().contains("findings"));
}

TEST_CASE("only a workflow that can run is activated") {
  const std::string id = daemon().store(greeting());
  CHECK(daemon().post("/workflows/" + id + "/activate")["active"] == true);
  const auto is_listed = [&] { return daemon().get("/active-workflows").body.find(id) != std::string::npos; };
  CHECK(is_listed());
  CHECK(daemon().post("/workflows/" + id + "/deactivate")["active"] == false);
  CHECK_FALSE(is_listed());
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"active", true}})["active"] == true);
  const std::string cyclic = daemon().store(
      flow({node("a", "def a(x): return x"), node("b", "def b(x): return x")}, {{"a", "b"}, {"b", "a"}}));
  CHECK(error_code(daemon().post("/workflows/" + cyclic + "/activate")) == "cyclic_workflow");
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"active", "yes"}}).status == 400);
  json::object active = greeting();
  active["active"] = true;
  CHECK(daemon().post("/workflows", active)["active"] == true);
}

TEST_CASE("tags and folders") {
  const Answer tag = daemon().post("/tags", {{"name", "etl"}, {"color", "#fff"}});
  REQUIRE(tag.status == 201);
  CHECK(daemon().post("/tags", {{"name", "ETL"}}).status == 409);
  CHECK(daemon().post("/tags", json::object()).status == 400);
  CHECK(daemon().call("PATCH", "/tags/" + text(tag["id"]), {{"description", "x"}})["description"] == "x");
  json::object workflow = greeting("tagged");
  workflow["tags"] = {"etl"};
  const std::string id = daemon().store(workflow);
  CHECK(daemon().get("/workflows/" + id)["tags"].at(0).at("name") == "etl");
  CHECK(daemon().get("/workflows?filter=%7B%22tags%22:%5B%22" + text(tag["id"]) + "%22%5D%7D")["count"] == 1);
  workflow["tags"] = {"missing"};
  CHECK(error_code(daemon().post("/workflows", workflow)) == "missing_tag");
  CHECK(daemon().call("DELETE", "/tags/" + text(tag["id"])).status == 200);
  CHECK(daemon().get("/workflows/" + id)["tags"].as_array().empty());

  const std::string base = "/projects/personal/folders";
  const Answer outer = daemon().post(base, {{"name", "outer"}});
  REQUIRE(outer.status == 201);
  const Answer inner = daemon().post(base, {{"name", "inner"}, {"parentFolderId", outer["id"]}});
  const std::string outer_path = base + "/" + text(outer["id"]), inner_path = base + "/" + text(inner["id"]);
  CHECK(daemon().get(base)["count"] == 2);
  const Answer mixed = daemon().get("/workflows?includeFolders=true&take=1");
  CHECK(mixed["data"].at(0).at("resource") == "folder");
  CHECK(daemon().get("/workflows?filter=%7B%22projectId%22:%22nope%22%7D")["count"] == 0);
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"parentFolderId", inner["id"]}}).status == 200);
  CHECK(error_code(daemon().call("PATCH", "/workflows/" + id, {{"parentFolderId", "nope"}})) == "missing_folder");
  CHECK(daemon().get(outer_path + "/content")["totalWorkflows"] == 1);
  CHECK(daemon().get(outer_path + "/content")["totalSubFolders"] == 1);
  const json::value tree = daemon().get(inner_path + "/tree").parsed();
  CHECK(tree.at(0).at("name") == "outer");
  CHECK(tree.at(0).at("children").at(0).at("name") == "inner");
  CHECK(daemon().call("PATCH", outer_path, {{"parentFolderId", inner["id"]}}).status == 409);
  CHECK(daemon().call("PATCH", inner_path, {{"name", "renamed"}})["name"] == "renamed");
  CHECK(daemon().get(inner_path + "/credentials").parsed().as_array().empty());
  CHECK(daemon().call("DELETE", outer_path + "?transferToFolderId=" + text(inner["id"])).status == 409);
  CHECK(daemon().call("DELETE", inner_path + "?transferToFolderId=" + text(outer["id"])).status == 200);
  CHECK(daemon().get("/workflows/" + id)["parentFolderId"] == outer["id"]);
  CHECK(daemon().call("DELETE", outer_path).status == 200);
  CHECK(daemon().get("/workflows/" + id)["parentFolderId"].is_null());
  CHECK(daemon().get("/projects/nope/folders").status == 404);
  Daemon other = daemon().as_user("folders@example.org");
  CHECK(other.get(base)["count"] == 0);
  CHECK(other.get("/projects/" + text(outer["projectId"]) + "/folders").status == 404);
}

TEST_CASE("templates are listed, shown and imported") {
  const Answer list = daemon().get("/templates");
  CHECK(list["templates"].as_array().size() >= 3);
  const Answer imported = daemon().post("/templates/text-statistics/import", {{"name", "mine"}});
  REQUIRE(imported.status == 201);
  const Answer run =
      daemon().post("/workflows/" + text(imported["id"]) + "/execute?wait=60", {{"input_data", {{"text", "a b a"}}}});
  CHECK(run["status"] == "completed");
  CHECK(run["data"].at("outputs").at("report").at("top").at("a") == 2);
  CHECK(daemon().get("/templates/nope").status == 404);
  const std::string own = daemon().store(greeting("template of mine"));
  CHECK(daemon().call("PATCH", "/workflows/" + own, {{"isTemplate", true}}).status == 200);
  CHECK(daemon().get("/templates/" + own)["builtin"] == false);
}

TEST_CASE("executions: filtered, paged by key, shown, deleted") {
  Daemon user = daemon().as_user("runner@example.org");
  const std::string good = user.store(greeting());
  const std::string bad = user.store(chain({node("boom", "def boom(): raise ValueError('no')")}));
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(text(user.post("/workflows/" + good + "/execute?wait=60")["id"]));
  const Answer failed = user.post("/workflows/" + bad + "/execute?wait=60");
  CHECK(failed["status"] == "failed");
  CHECK(text(failed["error"]).find("ValueError: no (node 'boom', line 1)") != std::string::npos);
  const auto count = [&](const std::string& query) {
    return user.get("/executions" + query)["count"].to_number<int>();
  };
  CHECK(count("") == 5);
  CHECK(count("?status=failed") == 1);
  CHECK(count("?status=success") == 4);
  CHECK(count("?workflowId=" + good) == 4);
  CHECK(count("?workflowId=" + good + "&status=failed") == 0);
  CHECK(count("?filter=%7B%22status%22:%5B%22error%22%5D%7D") == 1);
  CHECK(count("?filter=%7B%22status%22:%5B%22error%22,%22success%22%5D%7D") == 5);
  CHECK(count("?filter=%7B%22status%22:%5B%22error%22,%22canceled%22%5D,%22workflowId%22:%22" + bad + "%22%7D") == 1);
  CHECK(count("?status=waiting") == 0);
  CHECK(user.get("/executions?limit=2")["results"].as_array().size() == 2);
  CHECK(user.get("/executions?options=%7B%22limit%22:3,%22skip%22:1%7D")["results"].as_array().size() == 3);
  // Paging by key returns each execution once.
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 5; ++i) {
    const Answer page = user.get("/executions?limit=2&lastId=" + last);
    if (page["results"].as_array().empty()) break;
    for (const auto& row : page["results"].as_array()) CHECK(seen.insert(text(row.at("id"))).second);
    last = text(page["results"].as_array().back().at("id"));
  }
  CHECK(seen.size() == 5);
  CHECK(user.get("/executions?firstId=" + ids[2])["results"].as_array().size() == 2);
  CHECK(user.get("/executions?startedAfter=2099-01-01")["results"].as_array().empty());
  CHECK(user.get("/executions?startedBefore=2099-01-01")["results"].as_array().size() == 5);
  CHECK(user.get("/executions?startedAfter=soon").status == 400);
  CHECK(user.get("/executions?status=odd").status == 400);
  CHECK(user.get("/executions/active")["results"].as_array().empty());
  CHECK(user.get("/executions/" + ids[0] + "/data")["resultData"].as_object().contains("runData"));
  CHECK(user.call("DELETE", "/executions/" + ids[0]).status == 200);
  CHECK(user.get("/executions/" + ids[0]).status == 404);
  CHECK(count("") == 4);
  CHECK(user.post("/executions/" + ids[1] + "/stop").status == 409);
  // The record lists the values that crossed from one sandbox to another.
  const std::string apart =
      daemon().store(chain({node("a", "def a(): return [1, 2]"),
                            node("b", "def b(x): return len(x)", {{"sandbox", {{"memory", "128 MiB"}}}})}));
  const std::string crossed = text(daemon().post("/workflows/" + apart + "/execute?wait=60")["id"]);
  const json::value flow = daemon().get("/executions/" + crossed + "/data")["dataFlow"];
  REQUIRE(flow.as_array().size() == 1);
  CHECK(flow.at(0).at("data_type") == "json");
  CHECK(flow.at(0).at("data_size_bytes") == 5);
  const Answer usage = user.get("/usage");
  CHECK(usage["executions"].at("executions") == 5);
  CHECK(usage["executions"].at("completed") == 4);
  CHECK(user.get("/usage/workflows")["workflows"].as_array().size() == 2);
  CHECK(user.get("/usage/executions")["by_status"].as_array().size() == 2);
  CHECK(user.get("/analytics/performance")["total"].at("executions") == 5);
  const Answer errors = user.get("/analytics/errors");
  CHECK(errors["by_type"].at(0).at("error_type") == "raised");
  CHECK(text(errors["recent"].at(0).at("message")).find("ValueError") != std::string::npos);
}
