// Files: uploaded, downloaded in ranges, found, logged, expired, deleted.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one({"--max-upload", "2"});
  return one;
}
Answer upload(Daemon& to, const std::string& name, const std::string& bytes, const std::string& more = {}) {
  const std::string body = "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
                           "\"\r\nContent-Type: text/plain\r\n\r\n" + bytes + "\r\n" + more + "--b0undary--\r\n";
  return to.send("POST", "/files/upload", body, "Content-Type: multipart/form-data; boundary=b0undary\r\n");
}
std::string field(const std::string& name, const std::string& value) {
  return "--b0undary\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

}  // namespace

TEST_CASE("a file goes in and comes out, whole and in ranges") {
  const std::string bytes = "0123456789abcdef";
  const Answer made = upload(daemon(), "../../etc/pass\"wd\r\n.txt", bytes);
  const Answer good = upload(daemon(), "räport.txt", bytes);
  REQUIRE(good.status == 201);
  CHECK(made.status == 400);  // a line break in a name breaks the header
  CHECK(good["file_size_bytes"] == 16);
  CHECK(good["hash_sha256"] == "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");
  CHECK(good["mime_type"] == "text/plain");
  const std::string path = "/files/" + text(good["id"]);
  const Answer whole = daemon().get(path);
  CHECK(whole.body == bytes);
  CHECK(whole.header("Content-Disposition") == "attachment; filename*=UTF-8''r%C3%A4port.txt");
  CHECK(whole.header("Accept-Ranges") == "bytes");
  const auto range = [&](const std::string& value) {
    return daemon().send("GET", path, "", "Range: " + value + "\r\n");
  };
  CHECK(range("bytes=0-3").body == "0123");
  CHECK(range("bytes=0-3").header("Content-Range") == "bytes 0-3/16");
  CHECK(range("bytes=10-").body == "abcdef");
  CHECK(range("bytes=-2").body == "ef");
  CHECK(range("bytes=14-99").body == "ef");
  CHECK(range("bytes=16-").status == 416);
  for (const char* odd : {"bytes=x-1", "bytes=3-1", "bytes=", "items=0-1", "bytes=0-1,3-4"})
    CHECK(range(odd).status == 200);
  CHECK(daemon().send("GET", path, "", "If-None-Match: " + whole.header("ETag") + "\r\n").status == 304);
  CHECK(daemon().send("GET", path, "", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status == 200);
  const Answer head = daemon().send("HEAD", path);
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == "16");
  CHECK(daemon().get(path + "/metadata")["original_filename"] == "räport.txt");
  CHECK(eventually([&] { return daemon().get(path + "/accesses")["accesses"].as_array().size() >= 3; }));
  Daemon other = daemon().as_user("files@example.org");
  CHECK(other.get(path).status == 404);
  CHECK(other.call("DELETE", path).status == 404);
  CHECK(daemon().get("/files")["files"].as_array().size() == 1);
  CHECK(daemon().call("DELETE", path).status == 200);
  CHECK(daemon().get(path).status == 404);
}

TEST_CASE("file names are sanitised: only the last part of a path is kept") {
  const Answer answer = upload(daemon(), "..\\\\..\\\\etc/x.sh", "x");
  REQUIRE(answer.status == 201);
  CHECK(answer["original_filename"] == "x.sh");
  CHECK(upload(daemon(), "..", "x")["original_filename"] == "file");
}

TEST_CASE("a large file comes back byte for byte") {
  std::string bytes(1'500'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  const Answer made = upload(daemon(), "large.bin", bytes);
  REQUIRE(made.status == 201);
  CHECK(daemon().get("/files/" + text(made["id"])).body == bytes);
  const Answer part = daemon().send("GET", "/files/" + text(made["id"]), "", "Range: bytes=300000-899999\r\n");
  CHECK(part.body == bytes.substr(300'000, 600'000));
}

TEST_CASE("uploads that are too large, malformed or without a file are refused with a reason") {
  const Answer large = upload(daemon(), "x", std::string(2'500'000, 'x'));
  CHECK(large.status == 413);
  CHECK(upload(daemon(), "x", std::string(5'000'000, 'x')).status == 413);
  const auto send = [&](const std::string& body, const std::string& type) {
    return daemon().send("POST", "/files/upload", body, "Content-Type: " + type + "\r\n");
  };
  CHECK(send("x", "text/plain").status == 400);
  CHECK(send("x", "multipart/form-data; boundary=b").status == 400);
  const Answer none = send("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n",
                           "multipart/form-data; boundary=b");
  CHECK(text(none["error"].at("message")).starts_with("/file: required"));
  CHECK(upload(daemon(), "x", "x", field("expires_at", "yesterday")).status == 400);
}

TEST_CASE("temporary files expire, and are gone after tidying") {
  const TempDir directory;
  const std::string config =
      directory.file("q.toml", "[files]\ntemporary_hours = 0.001\n[retention]\nevery_minutes = 0.001\n");
  Daemon tidy({"--config", config});
  const Answer made = upload(tidy, "x.txt", "x", field("is_temporary", "true"));
  REQUIRE(made.status == 201);
  CHECK(made["is_temporary"] == true);
  CHECK_FALSE(made["expires_at"].is_null());
  const std::string path = "/files/" + text(made["id"]);
  CHECK(tidy.get(path).status == 200);
  CHECK(eventually([&] { return tidy.get(path).status == 404; }));
  CHECK(eventually([&] { return tidy.get("/files")["files"].as_array().empty(); }, std::chrono::seconds(30)));
}

TEST_CASE("a file that a node hands over is a file like any other") {
  const Answer done = daemon().run(chain({node("make",
                                               "def make():\n    open('out.csv', 'w').write('a,b')\n    import "
                                               "pathlib\n    return pathlib.Path('out.csv')\n")}));
  REQUIRE(done["status"] == "completed");
  const json::array files = daemon().get("/files").parsed().at("files").as_array();
  REQUIRE_FALSE(files.empty());
  const std::string id = text(files.front().at("id"));
  CHECK(daemon().get("/files/" + id).body == "a,b");
  CHECK(text(files.front().at("workflow_execution_id")) == text(done["id"]));
}

TEST_CASE("the files of one execution are listed by its id") {
  Daemon daemon;
  const json::object flow = chain(
      {node("w", "from pathlib import Path\ndef w():\n    Path('a.txt').write_text('a')\n    return Path('a.txt')")});
  const Answer one = daemon.run(flow), other = daemon.run(flow);
  const Answer files = daemon.get("/files?executionId=" + text(one["id"]));
  REQUIRE_MESSAGE(files["files"].as_array().size() == 1, files.body);
  CHECK(files["files"].at(0).at("workflow_execution_id") == one["id"]);
  CHECK(daemon.get("/files")["files"].as_array().size() == 2);
  CHECK(daemon.get("/files?executionId=nope")["files"].as_array().empty());
  Daemon somebody = daemon.as_user("b@example.org");
  CHECK(somebody.get("/files?executionId=" + text(other["id"]))["files"].as_array().empty());
  CHECK(daemon.get("/workflows?limt=1").status == 400);
}
