#include "daemon/services/code_writer.hpp"

#include <fmt/format.h>

#include "daemon/base/text.hpp"
#include "daemon/base/web_request.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::services {
namespace {

// One POST to the configured server. Blocks; throws Fault.
std::string ask(const config::AiSection& ai, const std::string& body) {
  WebRequest request;
  request.method = "POST";
  request.url = ai.url + "/chat/completions";
  request.headers = {"Content-Type: application/json"};
  request.body = body;
  request.patience = std::chrono::milliseconds(static_cast<long>(ai.timeout * 1000));
  if (!ai.key_file.empty()) {
    std::string key;
    try {
      key = sandbox::read_file(ai.key_file, 4096);
    } catch (const sandbox::SysError&) {
      throw Fault(FaultKind::unavailable, "ai_unavailable", "the file that ai.key_file names cannot be read");
    }
    key.erase(key.find_last_not_of(" \r\n") + 1);
    request.headers.push_back("Authorization: Bearer " + key);
  }
  WebAnswer answer = send(request);
  if (!answer.problem.empty() || answer.status != 200)
    throw Fault(FaultKind::unavailable, "ai_unavailable",
                fmt::format("the request to the configured AI server failed: {}",
                            !answer.problem.empty() ? answer.problem : fmt::format("status {}", answer.status)));
  return std::move(answer.body);
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
