#include "daemon/services/code_writer.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "daemon/base/text.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::services {
namespace {

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One POST to the configured server. Blocks; throws Fault.
std::string ask(const config::AiSection& ai, const std::string& body) {
  constexpr std::size_t kLargest = 4U << 20U;
  const std::unique_ptr<CURL, CurlFree> curl(curl_easy_init());
  std::string answer;
  std::unique_ptr<curl_slist, ListFree> headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  if (!ai.key_file.empty()) {
    std::string key;
    try {
      key = sandbox::read_file(ai.key_file, 4096);
    } catch (const sandbox::SysError&) {
      throw Fault(FaultKind::unavailable, "ai_unavailable", "the file that ai.key_file names cannot be read");
    }
    key.erase(key.find_last_not_of(" \r\n") + 1);
    headers.reset(curl_slist_append(headers.release(), ("Authorization: Bearer " + key).c_str()));
  }
  const std::string url = ai.url + "/chat/completions";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(ai.timeout * 1000));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(
      curl.get(), CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* to) {
        auto& text = *static_cast<std::string*>(to);
        if (text.size() + size > kLargest) return std::size_t{0};
        text.append(data, size);
        return size;
      });
  const CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200)
    throw Fault(FaultKind::unavailable, "ai_unavailable",
                fmt::format("the request to the configured AI server failed: {}",
                            code != CURLE_OK ? curl_easy_strerror(code) : fmt::format("status {}", status)));
  return answer;
}

// The Python between ``` fences, or the whole text.
std::string code_in(const std::string& text) {
  const auto open = text.find("```");
  if (open == std::string::npos) return text;
  const auto line = text.find('\n', open);
  const auto close = line == std::string::npos ? line : text.find("```", line);
  return close == std::string::npos ? text : text.substr(line + 1, close - line - 1);
}

}  // namespace

Task<WrittenCode> write_code(Services& services, std::string prompt) {
  const auto config = services.config.get();
  if (config->ai.url.empty())
    throw Fault(
        FaultKind::not_implemented, "not_configured",
        "no AI server is configured: set ai.url (an OpenAI-compatible server, e.g. http://127.0.0.1:11434/v1) and "
        "ai.model in the configuration");
  json::object question{
      {"model", config->ai.model},
      {"messages",
       json::array{json::object{{"role", "system"},
                                {"content",
                                 "Write one Python function with type annotations for a workflow node that does "
                                 "what the user asks. Answer with the code only."}},
                   json::object{{"role", "user"}, {"content", prompt}}}}};
  auto job = [config, text = json::serialize(question)] { return ask(config->ai, text); };
  const std::string answer = co_await on_pool(services.asking, std::move(job));
  std::string error;
  const json::value parsed = schema::parse_json(answer, error);
  boost::system::error_code missing_member;
  const json::value* content = parsed.find_pointer("/choices/0/message/content", missing_member);
  if (content == nullptr || !content->is_string())
    throw Fault(FaultKind::unavailable, "ai_unavailable", "the configured AI server sent an unexpected answer");
  WrittenCode out;
  out.text = to_utf8(std::string_view(content->get_string()));
  out.code = code_in(out.text);
  out.model = config->ai.model;
  co_return out;
}

}  // namespace qflow::services
