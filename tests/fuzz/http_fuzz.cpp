// Input from strangers, decoder by decoder: request targets and the route table, cookies, bodies, multipart, tokens,
// sealed data, times, conversions. The first byte chooses the decoder.
#include <sodium.h>

#include <cstdlib>

#include "daemon/api/multipart.hpp"
#include "daemon/auth/jwt.hpp"
#include "daemon/base/address.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/http/router.hpp"
#include "schema/documented_types.hpp"
#include "schema/messages.hpp"
#include "schema/text/parse_json.hpp"

using namespace qflow;

namespace {

void target(const std::string& text) {
  static const http::Router* router = [] {
    static http::Router made;
    for (const http::Endpoint& line : {http::Endpoint{"GET", "/workflows/{id}"},
                                       {"GET", "/workflows/new"},
                                       {"GET", "/webhook/{path*}"},
                                       {"POST", "/workflows/{id}/versions/{version}/restore"},
                                       {"GET", "/api/type-validation/supported-types"}})
      made.add(line);
    return &made;
  }();
  http::Request request;
  request.method = "GET";
  http::read_target(text, request);
  if (request.path.find('\0') != std::string::npos) std::abort();
  router->methods(request);
  request.integer("take", 1, 0, 10);
  router->match(request);
  for (const auto& [name, value] : request.parameters)
    if (name.empty()) std::abort();
}

void body(const std::string& text) {
  http::Request request;
  request.body = text;
  Body read(request.json_object());
  read.required("name", 10);
  read.text("email");
  read.flag("active");
  read.number("days", 0, 10);
  read.texts("scopes");
  read.object("data");
  read.check();
}

void tokens(const std::string& text) {
  static const auth::MasterKey::Key kKey{};
  if (auth::read_jwt(kKey, text, 0)) std::abort();  // nobody guesses a signature
  if (auth::unseal(kKey, text, "row")) std::abort();
  http::Request request;
  request.headers = {{"Cookie", text}};
  request.cookie("qflow-session");
  parse_time(text);
  is_address(text);
}

void conversion(const std::string& text) {
  std::string error;
  const auto value = schema::parse_json(text, error);
  if (!error.empty()) return;
  for (const char* from : {"any", "string", "float", "list", "dict"})
    for (const char* to : {"integer", "number", "string", "dict", "list", "set"}) {
      std::string problem;
      if (!schema::convert(value, from, to, true, problem) && problem.empty()) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    switch (data[0] % 5) {
      case 0:
        target(text);
        break;
      case 1:
        body(text);
        break;
      case 2:
        for (const api::FormPart& part : api::parse_multipart("multipart/form-data; boundary=b", text))
          if (part.content.size() > text.size()) std::abort();
        api::parse_multipart(text, "--b\r\n\r\nx\r\n--b--");
        break;
      case 3:
        tokens(text);
        break;
      default:
        conversion(text);
    }
  } catch (const Fault& fault) {
    if (fault.message.empty() || http_status(fault.kind) >= 500) std::abort();
  }
  return 0;
}
