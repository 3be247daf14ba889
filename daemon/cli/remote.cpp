#include "daemon/cli/remote.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/base/web_request.hpp"
#include "daemon/cli/runtime.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 256U << 20U;
constexpr const char* kDefaultServer = "http://127.0.0.1:8000";

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::string client_file() {
  const std::string config = variable("XDG_CONFIG_HOME"), home = variable("HOME");
  if (config.starts_with('/')) return config + "/qflow/client.json";
  return home.starts_with('/') ? home + "/.config/qflow/client.json" : "";
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

SignedIn stored() {
  SignedIn out;
  try {
    std::string error;
    const json::value value = schema::parse_json(sandbox::read_file(client_file(), 65536), error);
    if (const json::object* object = value.if_object()) {
      if (const json::value* one = object->if_contains("server"); one != nullptr && one->is_string())
        out.server = one->get_string();
      if (const json::value* one = object->if_contains("key"); one != nullptr && one->is_string())
        out.key = one->get_string();
    }
  } catch (const sandbox::SysError&) {  // nobody has signed in
  }
  return out;
}

// The message of an error's body, in either of its forms.
std::string message_of(const json::value& answer, long status) {
  if (const json::object* object = answer.if_object())
    if (const json::value* message = object->if_contains("message"); message != nullptr && message->is_string())
      return std::string(std::string_view(message->get_string()));
  return fmt::format("the server answered with status {}", status);
}

}  // namespace

SignedIn signed_in(const std::string& server) {
  SignedIn known = stored();
  SignedIn out;
  out.server = without_slash(!server.empty() ? server : variable("QFLOW_SERVER"));
  if (out.server.empty()) out.server = known.server.empty() ? kDefaultServer : known.server;
  if (!out.server.starts_with("http://") && !out.server.starts_with("https://")) out.server = "http://" + out.server;
  out.key = variable("QFLOW_KEY");
  if (out.key.empty() && out.server == known.server) out.key = known.key;
  return out;
}

void remember(const SignedIn& who) {
  const std::string file = client_file();
  if (file.empty())
    throw Fault(FaultKind::bad_input, "no_home", "$HOME is not set: there is nowhere to remember the sign-in");
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  replace_file(file, json::serialize(json::object{{"server", who.server}, {"key", who.key}}) + "\n", 0600);
}

json::value Remote::call(const std::string& method, const std::string& path, const json::value& body) const {
  WebRequest request;
  request.method = method;
  request.url = who_.server + path;
  request.headers = {"Accept: application/json"};
  if (!body.is_null()) {
    request.headers.emplace_back("Content-Type: application/json");
    request.body = json::serialize(body);
  }
  if (!who_.key.empty()) request.headers.push_back("Authorization: Bearer " + who_.key);
  request.patience = std::chrono::minutes(2);
  request.most = kLargest;
  const WebAnswer answer = send(request);
  if (!answer.problem.empty())
    throw Fault(FaultKind::unavailable, "unreachable",
                fmt::format("{} cannot be reached: {}; --server names another, `qflow serve` starts one", who_.server,
                            answer.problem));
  const long status = answer.status;
  std::string error;
  json::value value = schema::parse_json(answer.body, error, 200);
  if (status >= 200 && status < 300 && error.empty()) return value;
  if (status == 401)
    throw Fault(FaultKind::unauthorized, "unauthorized",
                fmt::format("{}: {}; sign in with `qflow login --server {}`", who_.server, message_of(value, status),
                            who_.server));
  throw Fault(status >= 500 ? FaultKind::unavailable : FaultKind::bad_input, "refused",
              error.empty() ? message_of(value, status)
                            : fmt::format("{} is not a Qflow server: its answer is not JSON", who_.server));
}

}  // namespace qflow::cli
