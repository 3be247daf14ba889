// The pages for people: `/` and `/docs`.
#include <doctest/doctest.h>
#include <sodium.h>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {
constexpr const char* kBrowser = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n";

// The hash that allows the page's own style and nothing else.
std::string style_hash(const std::string& page) {
  const auto from = page.find("<style>") + 7, to = page.find("</style>");
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(page.data()) + from, to - from);
  std::string text(sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
  return "'sha256-" + std::string(text.c_str()) + "'";
}

void check_harmless(const Answer& page) {
  CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
  CHECK(has(page.header("Content-Security-Policy"), "default-src 'none'; style-src " + style_hash(page.body)));
  CHECK_FALSE(has(page.body, "<script"));
  CHECK_FALSE(has(page.body, "style="));
}
}  // namespace

TEST_CASE("a browser at / sees what this is and where to go on; programs get the error of ever") {
  Daemon daemon({"--cors-origin", "https://editor.example"});
  Daemon anybody = daemon.with_headers("");
  const Answer page = anybody.send("GET", "/", "", kBrowser);
  REQUIRE(page.status == 200);
  check_harmless(page);
  for (const std::string part :
       {"<h1>Qflow ", "href=\"https://editor.example/signin\"", "href=\"/docs\"", "href=\"/openapi.json\""})
    CHECK_MESSAGE(has(page.body, part), part);
  CHECK_FALSE(has(page.body, "Nobody can sign in yet"));
  for (const char* accept : {"", "Accept: */*\r\n", "Accept: application/json\r\n"}) {
    const Answer other = anybody.send("GET", "/", "", accept);
    CHECK(other.status == 404);
    CHECK(other.header("Content-Type") == "application/json");
    CHECK(has(other.header("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'self'"));
  }
}

TEST_CASE("without users the page says how to make the owner; without an editor, which setting names one") {
  const TempDir directory;
  Program server({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", directory.path() + "/data"});
  const std::string line = server.line(std::chrono::seconds(30));
  Connection connection(static_cast<unsigned short>(std::stoi(line.substr(line.find("127.0.0.1:") + 10))));
  const Answer page = connection.call("GET", "/", "", kBrowser);
  CHECK(has(page.body, "qflow user add you@example.org"));
  CHECK(has(page.body, "server.cors_origins"));
}

TEST_CASE("/docs describes every call and every schema") {
  Daemon daemon;
  const Answer page = daemon.with_headers("").send("GET", "/docs", "", kBrowser);
  REQUIRE(page.status == 200);
  check_harmless(page);
  CHECK(page.header("Cache-Control") == "public, max-age=300");
  const json::value api = daemon.with_headers("").get("/openapi.json").parsed();
  for (const auto& [path, item] : api.at("paths").as_object())
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters") continue;
      const std::string id = text(operation.at("operationId"));
      CHECK_MESSAGE(has(page.body, "<section id=\"" + id + "\">"), id);
    }
  for (const auto& [name, schema] : api.at("components").at("schemas").as_object())
    CHECK_MESSAGE(has(page.body, "<section id=\"schema-" + std::string(name) + "\">"), std::string(name));
  // Links lead somewhere.
  for (auto at = page.body.find("href=\"#"); at != std::string::npos; at = page.body.find("href=\"#", at + 1)) {
    const std::string target = page.body.substr(at + 7, page.body.find('"', at + 7) - at - 7);
    CHECK_MESSAGE(has(page.body, "id=\"" + target + "\""), target);
  }
}
