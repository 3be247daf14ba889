// Access: the set-up, signing in and out, roles, keys, pages of other sites, throttles and limits.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

}  // namespace

TEST_CASE("the set-up token makes the first user the owner, once") {
  // The fixture has used the token; it must not work a second time.
  REQUIRE_FALSE(daemon().setup_token().empty());
  Daemon nobody = daemon().with_headers("");
  const json::object owner{{"email", "x@example.org"}, {"password", kPassword}, {"setupToken", daemon().setup_token()}};
  CHECK(nobody.post("/users", owner).status == 401);
  const Answer me = daemon().get("/me");
  CHECK(me["role"] == "owner");
  CHECK(me["isOwner"] == true);
  CHECK(me.body.find("password") == std::string::npos);
  Daemon fresh;  // another installation
  Daemon stranger = fresh.with_headers("");
  CHECK(stranger.get("/me").status == 401);
}

TEST_CASE("a wrong or missing set-up token creates no user") {
  const auto directory = std::make_shared<TempDir>();
  Program program({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", directory->path()});
  const std::string line = program.line(std::chrono::seconds(30));
  Connection connection(static_cast<unsigned short>(std::stoi(line.substr(line.find("127.0.0.1:") + 10))));
  const auto make = [&](const std::string& body) { return connection.call("POST", "/users", body); };
  CHECK(error_code(make(R"({"email":"a@b.c","password":"Passw0rdxx"})")) == "setup_required");
  CHECK(error_code(make(R"({"email":"a@b.c","password":"Passw0rdxx","setupToken":"wrong"})")) == "setup_required");
  CHECK(connection.call("GET", "/users").status == 401);
}

TEST_CASE("signing in gives a token and a cookie, signing out ends both") {
  Daemon nobody = daemon().with_headers("");
  const Answer in = nobody.post("/session", {{"email", "owner@example.org"}, {"password", kPassword}});
  REQUIRE(in.status == 200);
  const std::string cookie = in.header("Set-Cookie");
  CHECK(cookie.find("HttpOnly") != std::string::npos);
  CHECK(cookie.find("SameSite=Lax") != std::string::npos);
  const std::string pair = cookie.substr(0, cookie.find(';'));
  Daemon browser = daemon().with_headers("Cookie: other=1; " + pair + "\r\n");
  Daemon program = daemon().with_headers("Authorization: Bearer " + text(in["token"]) + "\r\n");
  CHECK(browser.get("/session")["user"].at("email") == "owner@example.org");
  CHECK(program.get("/me").status == 200);
  CHECK(program.post("/logout").status == 200);
  CHECK(program.get("/me").status == 401);
  CHECK(browser.get("/me").status == 401);
  CHECK(daemon().get("/me").status == 200);
  const Answer old_name = nobody.post("/login", {{"emailOrLdapLoginId", "owner@example.org"}, {"password", kPassword}});
  CHECK(old_name.status == 200);
}

TEST_CASE("a changed token, or one with another algorithm, is refused") {
  const std::string token = daemon().token();
  const std::string body = token.substr(token.find('.'));
  for (const std::string& bad :
       {token + "x", token.substr(0, token.size() - 2), "eyJhbGciOiJub25lIn0" + body,
        "eyJhbGciOiJub25lIn0" + body.substr(0, body.rfind('.') + 1), std::string("qf_guess"), std::string(5000, 'a')}) {
    CAPTURE(bad);
    CHECK(daemon().with_headers("Authorization: Bearer " + bad + "\r\n").get("/me").status == 401);
  }
}

TEST_CASE("passwords: rules, changing one ends the other sessions, guesses are throttled") {
  Daemon user = daemon().as_user("changes@example.org");
  const std::string id = text(user.get("/me")["id"]);
  Daemon second = daemon().with_headers("");
  const Answer in = second.post("/login", {{"email", "changes@example.org"}, {"password", kPassword}});
  second = daemon().with_headers("Authorization: Bearer " + text(in["token"]) + "\r\n");
  CHECK(user.call("PATCH", "/users/" + id, {{"password", "short"}, {"currentPassword", kPassword}}).status == 400);
  CHECK(error_code(user.call("PATCH", "/users/" + id,
                             {{"password", "An0therPassword"}, {"currentPassword", "wrong"}})) == "wrong_password");
  CHECK(user.call("PATCH", "/users/" + id, {{"password", "An0therPassword"}, {"currentPassword", kPassword}}).status ==
        200);
  CHECK(user.get("/me").status == 200);
  CHECK(second.get("/me").status == 401);
  Daemon nobody = daemon().with_headers("");
  int refused = 0;
  Answer last;
  for (int i = 0; i < 8; ++i) {
    last = nobody.post("/login", {{"email", "changes@example.org"}, {"password", "Guess1234"}});
    refused += last.status == 429 ? 1 : 0;
  }
  CHECK(refused >= 1);
  CHECK(error_code(last) == "too_many_attempts");
}

TEST_CASE("roles: users see their own rows, admins see all, only the owner changes admins") {
  Daemon alice = daemon().as_user("alice@example.org");
  Daemon bob = daemon().as_user("bob@example.org");
  Daemon admin = daemon().as_user("admin@example.org", "admin");
  const std::string id = alice.store(greeting());
  const Answer run = alice.post("/workflows/" + id + "/execute?wait=60");
  const std::string execution = text(run["id"]);
  CHECK(alice.get("/workflows/" + id).status == 200);
  CHECK(admin.get("/workflows/" + id).status == 200);
  CHECK(alice.get("/executions")["count"] == 1);
  for (const std::string& path : {"/workflows/" + id, "/workflows/" + id + "/versions", "/executions/" + execution,
                                  "/executions/" + execution + "/data"}) {
    CAPTURE(path);
    CHECK(bob.get(path).status == 404);
    CHECK(alice.get(path).status == 200);
  }
  CHECK(bob.call("PATCH", "/workflows/" + id, {{"name", "mine"}}).status == 404);
  CHECK(bob.call("DELETE", "/workflows/" + id).status == 404);
  CHECK(bob.post("/workflows/" + id + "/execute").status == 404);
  CHECK(bob.call("DELETE", "/executions/" + execution).status == 404);
  CHECK(bob.post("/executions/" + execution + "/stop").status == 404);
  CHECK(bob.get("/workflows")["count"] == 0);
  CHECK(bob.get("/executions")["count"] == 0);
  CHECK(bob.get("/users").status == 403);
  CHECK(bob.get("/audit").status == 403);
  CHECK(bob.call("PATCH", "/settings", {{"containers", {{"timeout", 1}}}}).status == 403);
  CHECK(bob.post("/users", {{"email", "c@example.org"}, {"password", kPassword}}).status == 403);
  const std::string bob_id = text(bob.get("/me")["id"]);
  const std::string owner_id = text(daemon().get("/me")["id"]);
  const std::string admin_id = text(admin.get("/me")["id"]);
  CHECK(bob.get("/users/" + owner_id).status == 403);
  CHECK(bob.call("PATCH", "/users/" + bob_id, {{"role", "admin"}}).status == 403);
  CHECK(admin.call("PATCH", "/users/" + bob_id, {{"role", "admin"}}).status == 403);
  CHECK(admin.call("PATCH", "/users/" + owner_id, {{"firstName", "x"}}).status == 403);
  CHECK(admin.call("DELETE", "/users/" + owner_id).status == 409);
  CHECK(daemon().call("PATCH", "/users/" + owner_id, {{"role", "user"}}).status == 409);
  CHECK(daemon().call("PATCH", "/users/" + bob_id, {{"role", "owner"}}).status == 409);
  CHECK(admin.post("/users", {{"email", "d@example.org"}, {"password", kPassword}, {"role", "admin"}}).status == 403);
  CHECK(daemon().post("/users", {{"email", "BOB@example.org"}, {"password", kPassword}}).status == 409);
  CHECK(daemon().post("/users", {{"email", "nonsense"}, {"password", kPassword}}).status == 400);
  CHECK(admin.call("PATCH", "/users/" + bob_id, {{"isActive", false}}).status == 200);
  CHECK(bob.get("/me").status == 401);
  CHECK(daemon().call("DELETE", "/users/" + admin_id).status == 200);
  CHECK(admin.get("/me").status == 401);
  // The owner takes over the rows of a deleted user.
  CHECK(daemon().call("DELETE", "/users/" + text(alice.get("/me")["id"])).status == 200);
  CHECK(daemon().get("/workflows/" + id).status == 200);
}

TEST_CASE("keys reach only their scopes and can be revoked") {
  const Answer made = daemon().post("/api-keys", {{"name", "reader"}, {"scopes", {"workflows:read", "executions:*"}}});
  REQUIRE(made.status == 201);
  Daemon key = daemon().with_headers("Authorization: Bearer " + text(made["key"]) + "\r\n");
  CHECK(key.get("/workflows").status == 200);
  CHECK(key.get("/executions").status == 200);
  CHECK(error_code(key.post("/workflows", {{"name", "x"}})) == "missing_scope");
  CHECK(key.get("/credentials").status == 403);
  CHECK(key.post("/api-keys", {{"name", "more"}}).status == 403);
  CHECK(key.post("/logout").status == 409);
  const Answer list = daemon().get("/api-keys");
  CHECK(list.body.find(text(made["key"])) == std::string::npos);
  CHECK(list.body.find("reader") != std::string::npos);
  CHECK(daemon().post("/api-keys", {{"name", "bad"}, {"scopes", {"everything"}}}).status == 400);
  Daemon other = daemon().as_user("keyless@example.org");
  CHECK(other.call("DELETE", "/api-keys/" + text(made["id"])).status == 404);
  CHECK(daemon().call("DELETE", "/api-keys/" + text(made["id"])).status == 200);
  CHECK(key.get("/workflows").status == 401);
}

TEST_CASE("pages of other sites cannot drive the server") {
  const Answer in = daemon().with_headers("").post("/login", {{"email", "owner@example.org"}, {"password", kPassword}});
  const std::string cookie = in.header("Set-Cookie");
  const std::string pair = "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n";
  const std::string body = R"({"name":"forged"})";
  const std::string own = "http://127.0.0.1:" + std::to_string(daemon().port());
  Connection plain(daemon().port());
  const auto post = [&](const std::string& headers) {
    return Connection(daemon().port()).call("POST", "/workflows", body, pair + headers).status;
  };
  CHECK(post("") == 201);  // not a browser: no Origin
  CHECK(post("Origin: http://evil.example\r\n") == 403);
  CHECK(post("Origin: null\r\n") == 403);
  CHECK(post("Origin: http://127.0.0.1.evil.example\r\n") == 403);
  CHECK(post("Sec-Fetch-Site: cross-site\r\n") == 403);
  CHECK(post("Sec-Fetch-Site: same-site\r\n") == 403);
  CHECK(post("Sec-Fetch-Site: same-origin\r\n") == 201);
  // Without a proof, too: a page may probe a daemon on this machine.
  CHECK(plain.call("POST", "/login", "{}", "Origin: http://evil.example\r\n").status == 403);
  // A page whose host name was rebound to 127.0.0.1.
  Connection rebound(daemon().port());
  rebound.send("GET /workflows HTTP/1.1\r\nHost: evil.example\r\n" + daemon().authorization() + "\r\n");
  CHECK(rebound.receive().status == 403);
  Connection two(daemon().port());
  two.send("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n");
  CHECK(two.receive().status == 400);
  Connection none(daemon().port());
  none.send("GET /health HTTP/1.1\r\n\r\n");
  CHECK(none.receive().status == 400);
}

TEST_CASE("allowed origins get the headers that they need, others get none") {
  Daemon open({"--cors-origin", "https://editor.example"});
  const Answer preflight = open.send("OPTIONS", "/workflows", "",
                                     "Origin: https://editor.example\r\nAccess-Control-Request-Method: POST\r\n");
  CHECK(preflight.status == 204);
  CHECK(preflight.header("Access-Control-Allow-Origin") == "https://editor.example");
  CHECK(preflight.header("Access-Control-Allow-Credentials") == "true");
  CHECK(preflight.header("Access-Control-Allow-Methods").find("PATCH") != std::string::npos);
  CHECK(preflight.header("Access-Control-Allow-Headers").find("push-ref") != std::string::npos);
  CHECK(open.send("POST", "/workflows", R"({"name":"x"})", "Origin: https://editor.example\r\n").status == 201);
  const Answer read = open.send("GET", "/workflows", "", "Origin: https://editor.example\r\n");
  CHECK(read.header("Access-Control-Allow-Origin") == "https://editor.example");
  CHECK(read.header("Vary") == "Origin");
  const Answer other = open.send("GET", "/workflows", "", "Origin: https://other.example\r\n");
  CHECK(other.header("Access-Control-Allow-Origin").empty());
  CHECK(open.send("OPTIONS", "/workflows", "", "Origin: https://other.example\r\n")
            .header("Access-Control-Allow-Origin")
            .empty());
}

TEST_CASE("every answer has the headers that make browsers careful") {
  for (const char* path : {"/health", "/workflows", "/nope"}) {
    const Answer answer = daemon().get(path);
    CHECK(answer.header("X-Content-Type-Options") == "nosniff");
    CHECK(answer.header("X-Frame-Options") == "SAMEORIGIN");
    CHECK(answer.header("Content-Security-Policy").find("default-src 'none'") != std::string::npos);
    CHECK(answer.header("Referrer-Policy") == "no-referrer");
    CHECK(answer.header("Cache-Control") == "no-store");
  }
}

TEST_CASE("too many calls are refused with a Retry-After") {
  const TempDir directory;
  const std::string file =
      directory.file("q.toml", "[auth]\nrequests_per_hour = 5\nexecutions_per_hour = 2\ncontainers_per_hour = 1\n");
  Daemon limited({"--config", file, "--rate-limits"});
  const Answer first = limited.get("/workflows");
  CHECK(first.status == 200);
  CHECK(first.header("X-RateLimit-Limit") == "5");
  CHECK(first.header("X-RateLimit-Remaining") == "4");
  Answer last;
  for (int i = 0; i < 5; ++i) last = limited.get("/workflows");
  CHECK(last.status == 429);
  CHECK(error_code(last) == "rate_limited");
  CHECK(std::stoi(last.header("Retry-After")) > 3500);
  const std::string run = R"({"code":"def f(): return 1"})";
  CHECK(limited.send("POST", "/nodes/python/execute", run).status == 200);
  CHECK(limited.send("POST", "/nodes/python/execute", run).status == 200);
  CHECK(limited.send("POST", "/nodes/python/execute", run).status == 429);
  CHECK(limited.get("/containers").status == 200);
  CHECK(limited.get("/containers").status == 429);
  CHECK(limited.get("/health").status == 200);
}

TEST_CASE("concurrent guesses all count") {
  daemon().as_user("guessed@example.org");
  std::vector<std::thread> clients;
  std::atomic<int> braked{0};
  for (int i = 0; i < 30; ++i)
    clients.emplace_back([&] {
      Daemon one = daemon().with_headers("");
      braked += one.post("/login", {{"email", "guessed@example.org"}, {"password", "Guess1234"}}).status == 429 ? 1 : 0;
    });
  for (auto& client : clients) client.join();
  CHECK(braked > 15);
}

TEST_CASE("a user demoted during their own change stays demoted") {
  Daemon admin = daemon().as_user("demoted@example.org", "admin");
  const std::string path = "/users/" + text(admin.get("/me")["id"]);
  std::thread change([&] {
    admin.call("PATCH", path, {{"password", "An0therPassword"}, {"currentPassword", kPassword}});
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(40));  // the password is being hashed
  CHECK(daemon().apart().call("PATCH", path, {{"role", "user"}}).status == 200);
  change.join();
  CHECK(daemon().get(path)["role"] == "user");
}

TEST_CASE("an admin who becomes a user no longer sees an admin's lists") {
  daemon().store(greeting());
  Daemon admin = daemon().as_user("shown@example.org", "admin");
  CHECK(admin.get("/workflows")["count"].to_number<int>() > 0);
  CHECK(daemon().call("PATCH", "/users/" + text(admin.get("/me")["id"]), {{"role", "user"}}).status == 200);
  CHECK(admin.get("/workflows")["count"] == 0);
}

TEST_CASE("announced bodies that never arrive take no room from others") {
  std::vector<std::unique_ptr<Connection>> idle;
  for (int i = 0; i < 64; ++i) {
    idle.push_back(std::make_unique<Connection>(daemon().port()));
    idle.back()->send("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16777216\r\n\r\n{");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(daemon().post("/tags", {{"name", "fits"}}).status == 201);
}

TEST_CASE("the executions of others are not found, even while they run; tags belong to their creators") {
  Daemon mine = daemon().as_user("mine@example.org");
  Daemon theirs = daemon().as_user("theirs@example.org");
  const std::string id = mine.store(chain({node("slow", "import time\ndef slow(): time.sleep(3)")}));
  const std::string execution = text(mine.post("/workflows/" + id + "/execute")["id"]);
  CHECK(theirs.call("DELETE", "/executions/" + execution).status == 404);
  CHECK(theirs.post("/executions/" + execution + "/stop").status == 404);
  CHECK(mine.call("DELETE", "/executions/" + execution).status == 409);
  CHECK(mine.post("/executions/" + execution + "/stop")["status"] == "cancelled");
  const std::string tag = text(mine.post("/tags", {{"name", "of mine"}})["id"]);
  CHECK(theirs.call("PATCH", "/tags/" + tag, {{"name", "x"}}).status == 403);
  CHECK(theirs.call("DELETE", "/tags/" + tag).status == 403);
  CHECK(mine.call("DELETE", "/tags/" + tag).status == 200);
}

TEST_CASE("errors that quote the request are valid text") {
  for (const char* path : {"/workflows/%ff", "/nope%ff", "/webhook/%ff", "/types/%c3"}) {
    const Answer answer = daemon().get(path);
    CHECK(answer.status == 404);
    CHECK(answer.body.find('\xff') == std::string::npos);
  }
}

TEST_CASE("changes of access are in the audit log") {
  daemon().as_user("audited@example.org");
  daemon().with_headers("").post("/login", {{"email", "audited@example.org"}, {"password", "Wrong1234"}});
  const Answer log = daemon().get("/audit?limit=100");
  for (const char* action : {"user.created", "session.created", "session.refused"})
    CHECK_MESSAGE(log.body.find(action) != std::string::npos, action);
  CHECK(log.body.find(kPassword) == std::string::npos);
  CHECK(log.body.find("Wrong1234") == std::string::npos);
}

TEST_CASE("an address or a password is changed with the present password, by a session, and guesses are throttled") {
  Daemon user = daemon().as_user("careful@example.org");
  const std::string path = "/users/" + text(user.get("/me")["id"]);
  CHECK(error_code(user.call("PATCH", path, {{"email", "other@example.org"}})) == "wrong_password");
  const Answer key = user.post("/api-keys", {{"name", "all"}, {"scopes", json::array{"*"}}});
  Daemon program = daemon().with_headers("Authorization: Bearer " + text(key["key"]) + "\r\n");
  for (const json::object& change : {json::object{{"email", "other@example.org"}, {"currentPassword", kPassword}},
                                     json::object{{"password", "An0therPassword"}, {"currentPassword", kPassword}}})
    CHECK(error_code(program.call("PATCH", path, change)) == "needs_session");
  CHECK(program.call("PATCH", path, {{"firstName", "Ada"}}).status == 200);
  CHECK(user.call("PATCH", path, {{"email", "other@example.org"}, {"currentPassword", kPassword}}).status == 200);
  int braked = 0;
  for (int i = 0; i < 10; ++i)
    braked +=
        user.call("PATCH", path, {{"password", "An0therPassword"}, {"currentPassword", "Guess1234"}}).status == 429;
  CHECK(braked >= 4);
}

TEST_CASE("names that lists show are one line") {
  CHECK(error_message(daemon().post("/api-keys", {{"name", "a\nID forged"}})) ==
        "/name: must be one line without control characters");
  Daemon user = daemon().as_user("lines@example.org");
  CHECK(user.call("PATCH", "/users/" + text(user.get("/me")["id"]), {{"firstName", "a\u001b[2J"}}).status == 400);
}

TEST_CASE("a deleted user's workflows pass on deactivated, and what passes on is told before") {
  Daemon leaver = daemon().as_user("leaver@example.org");
  const std::string path = "/users/" + text(leaver.get("/me")["id"]);
  const std::string id = leaver.store(greeting());
  CHECK(leaver.post("/workflows/" + id + "/activate").status == 200);
  CHECK(leaver.post("/webhooks", {{"workflowId", id}, {"path", "leavers-hook"}, {"method", "POST"}}).status == 201);
  Daemon caller = daemon().with_headers("");
  CHECK(caller.post("/webhook/leavers-hook").status == 202);
  const Answer before = daemon().call("DELETE", path + "?preview=true");
  CHECK(before["passes_on"].at("workflows") == 1);
  CHECK(before["passes_on"].at("deactivated_workflows") == 1);
  CHECK(before["passes_on"].at("webhooks") == 1);
  CHECK(daemon().get(path).status == 200);
  CHECK(daemon().call("DELETE", path)["passes_on"].at("workflows") == 1);
  CHECK(caller.post("/webhook/leavers-hook").status == 404);
  CHECK(daemon().get("/workflows/" + id)["active"] == false);
}

TEST_CASE("ten keys are one allowance") {
  const TempDir directory;
  const std::string config = directory.file("q.toml", "[auth]\nrequests_per_hour = 20\n");
  Daemon limited({"--config", config, "--rate-limits"});
  std::vector<Daemon> programs;
  for (int i = 0; i < 4; ++i) {
    const Answer key = limited.post("/api-keys", {{"name", "k" + std::to_string(i)}});
    REQUIRE(key.status == 201);
    programs.push_back(limited.with_headers("Authorization: Bearer " + text(key["key"]) + "\r\n"));
  }
  int answered = 0;
  for (int i = 0; i < 40; ++i) answered += programs[static_cast<std::size_t>(i % 4)].get("/me").status == 200;
  CHECK(answered <= 16);
  CHECK(answered >= 10);
}
