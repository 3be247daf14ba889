#include "daemon/api/installation/pages.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include "daemon/api/openapi.hpp"
#include "daemon/base/base64.hpp"
#include "daemon/services/people.hpp"

namespace qflow::api {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: .75rem 1rem; overflow-x: auto; border: 1px solid #8884; border-radius: 6px; }
nav { position: sticky; top: 0; padding: .5rem 0; background: Canvas; border-bottom: 1px solid #8884; }
h2 { margin-top: 2.5rem; }
section { border-top: 1px solid #8884; padding: .25rem 0; }
section:target { background: #fd03; }
h3 { margin: .75rem 0 0; }
p { margin: .5rem 0; }
table { border-collapse: collapse; margin: .5rem 0; }
td { padding: .1rem .75rem .1rem 0; vertical-align: top; }
ul { margin: 0; padding-left: 1.25rem; }
)";

// Nothing may be loaded or run; of styles only the one above may (CSP Level 3, hash-source).
std::string content_policy() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(kStyle.data()), kStyle.size());
  const std::string_view bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
  return fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
      base64(bytes));
}

std::string page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>"
      "<meta name=\"viewport\" content=\"width=device-width\"><style>{}</style></head>\n<body>\n{}\n</body></html>\n",
      title, kStyle, body);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

Reply reply_of(std::shared_ptr<const std::string> body) {
  Reply reply;
  reply.content_type = "text/html; charset=utf-8";
  static const std::string kPolicy = content_policy();
  reply.content_policy = kPolicy;
  reply.shared_body = std::move(body);
  return reply;
}

}  // namespace

Task<Reply> start_page(Services& services, const Request& request) {
  if (request.header("accept").find("text/html") == std::string_view::npos)
    throw Fault(FaultKind::not_found, "not_found",
                "there is nothing at / for programs; /openapi.json describes the API, /docs for people");
  std::string body = fmt::format(
      "<h1>Qflow {}</h1>\n<p>Python workflows on one Linux machine: every execution in a sandbox of its own, every "
      "node "
      "recorded.</p>\n",
      QFLOW_VERSION);
  if (co_await services::needs_first_owner(services))
    body +=
        "<p><b>Nobody can sign in yet.</b> Create the first user, the owner, on the server: "
        "<code>qflow user add you@example.org</code></p>\n";
  const auto config = services.config.get();
  if (config->server.cors_origins.empty()) {
    body +=
        "<p>No editor is configured: <code>server.cors_origins</code> names the address of one that may call this "
        "server.</p>\n";
  } else {
    for (const std::string& origin : config->server.cors_origins)
      body += fmt::format("<p><a href=\"{0}/signin\">Sign in to the editor at {0}</a></p>\n", escaped(origin));
  }
  body +=
      "<ul><li><a href=\"/docs\">The API, described</a></li>"
      "<li><a href=\"/openapi.json\">the same for programs</a> (OpenAPI 3.1)</li>"
      "<li><a href=\"/health\">Health</a>, <a href=\"/metrics\">metrics</a></li></ul>\n"
      "<p>From a terminal:</p>\n"
      "<pre>qflow token create laptop        # on the server: an API key, shown once\n"
      "qflow login --key-stdin --server ADDRESS\n"
      "qflow push flow.json</pre>\n";
  co_return reply_of(std::make_shared<const std::string>(page("Qflow", body)));
}

Task<Reply> docs_page(Services&, const Request&) {
  static const auto kPage = std::make_shared<const std::string>(
      page("Qflow: the API", fmt::format("<h1>Qflow {}: the API</h1>\n{}", QFLOW_VERSION, docs_html())));
  Reply reply = reply_of(kPage);
  reply.headers.emplace_back("Cache-Control", "public, max-age=300");
  co_return reply;
}

}  // namespace qflow::api
