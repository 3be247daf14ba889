#include "daemon/cli/remote.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "daemon/base/fault.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 256U << 20U;
constexpr const char* kDefaultServer = "http://127.0.0.1:8000";

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

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
  const std::string partial = file + ".partial";
  fs::remove(partial, error);
  {
    const sandbox::UniqueFd fd = sandbox::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!sandbox::write_all(fd.get(), json::serialize(json::object{{"server", who.server}, {"key", who.key}}) + "\n"))
      throw Fault(FaultKind::unavailable, "unwritable", fmt::format("{} could not be written", partial));
  }
  fs::rename(partial, file);
}

json::value Remote::call(const std::string& method, const std::string& path, const json::value& body) const {
  const std::unique_ptr<CURL, CurlFree> curl(curl_easy_init());
  std::string answer;
  const std::string text = body.is_null() ? "" : json::serialize(body);
  std::unique_ptr<curl_slist, ListFree> headers(curl_slist_append(nullptr, "Accept: application/json"));
  const auto header = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  if (!body.is_null()) header("Content-Type: application/json");
  if (!who_.key.empty()) header("Authorization: Bearer " + who_.key);
  const std::string url = who_.server + path;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (!body.is_null()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, text.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text.size()));
  }
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 120'000L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(
      curl.get(), CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* to) {
        auto& into = *static_cast<std::string*>(to);
        if (into.size() + size > kLargest) return std::size_t{0};
        into.append(data, size);
        return size;
      });
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
    throw Fault(FaultKind::unavailable, "unreachable",
                fmt::format("{} cannot be reached: {}; --server names another, `qflow serve` starts one", who_.server,
                            curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  std::string error;
  json::value value = schema::parse_json(answer, error, 200);
  if (status >= 200 && status < 300 && error.empty()) return value;
  if (status == 401)
    throw Fault(FaultKind::unauthorized, "unauthorized",
                fmt::format("{}: {}; sign in with `qflow login --server {}`", who_.server, message_of(value, status),
                            who_.server));
  throw Fault(status >= 500 ? FaultKind::unavailable : FaultKind::bad_input, "refused",
              error.empty() ? message_of(value, status)
                            : fmt::format("{} is no Qflow server: its answer is not JSON", who_.server));
}

}  // namespace qflow::cli
