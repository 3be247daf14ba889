#include "daemon/api/workflows/ai.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/base/members.hpp"
#include "daemon/base/text.hpp"
#include "daemon/flow/imports_hint.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/workflow_document.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace {

// The workflow that a body names by `workflowId` or holds as `workflow`; a lone `code` is a workflow of one node.
Task<flow::Graph> graph_in(Services& services, const Request& request, Body& body) {
  if (const auto id = body.text("workflowId", 100)) {
    body.check();
    auto job = [id = *id, owner = request.caller->owner_filter()](sqlite::Db& db) {
      return store::find_workflow(db, id, owner);
    };
    const auto workflow = co_await services.store.read(std::move(job));
    if (!workflow) throw missing("workflow", *id);
    co_return services::graph_of(*workflow);
  }
  const json::object* workflow = body.object("workflow");
  const auto code = body.text("code", 1U << 20U);
  if (workflow == nullptr && !code) body.problem("/workflowId", "required, or workflow, or code");
  body.check();
  if (workflow != nullptr) co_return flow::read_workflow(*workflow);
  json::object node{{"id", "node"}, {"name", "node"}, {"type", "qflow.python"}, {"code", *code}};
  co_return flow::read_workflow(json::object{{"name", "node"}, {"nodes", json::array{node}}});
}

std::vector<std::string> names_of(const flow::Graph& graph, const std::vector<std::size_t>& indexes) {
  std::vector<std::string> names;
  for (const std::size_t i : indexes) names.push_back(graph.nodes[i].name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

struct Neighbours {
  std::vector<std::vector<std::size_t>> before, after;
};

Neighbours neighbours(const flow::Graph& graph) {
  Neighbours out{std::vector<std::vector<std::size_t>>(graph.nodes.size()),
                 std::vector<std::vector<std::size_t>>(graph.nodes.size())};
  for (const auto& edge : graph.edges) {
    out.before[edge.to].push_back(edge.from);
    out.after[edge.from].push_back(edge.to);
  }
  return out;
}

// The docstring's or the comment's first line, if the code begins with one; otherwise the function's head.
std::string first_words(const std::string& code) {
  for (const std::string quote : {"\"\"\"", "'''"}) {
    const auto open = code.find(quote);
    if (open == std::string::npos) continue;
    const auto close = code.find(quote, open + 3);
    std::string text = code.substr(open + 3, close == std::string::npos ? 200 : close - open - 3);
    text = text.substr(0, text.find('\n'));
    if (!text.empty()) return std::string(cut_utf8(text, 200));
  }
  const auto def = code.find("def ");
  if (def == std::string::npos) return "no function";
  return "calls `" + std::string(cut_utf8(code.substr(def + 4, code.find('\n', def) - def - 4), 160)) + "`";
}

std::string role_words(const flow::Node& node) {
  switch (node.role) {
    case flow::NodeRole::code:
      return first_words(node.code);
    case flow::NodeRole::ignored:
      return "a note";
    case flow::NodeRole::unknown:
      return fmt::format("a node of type {}, which this release does not run", node.type);
    default:
      return "starts the workflow";
  }
}

json::object suggestion(const char* kind, const std::string& node, std::string message) {
  return {{"kind", kind}, {"node", node}, {"message", std::move(message)}};
}

// The depth of each node: the length of its longest path from a start. Nodes of equal depth do not need each other.
std::vector<std::size_t> depths(const flow::Graph& graph) {
  std::vector<std::size_t> depth(graph.nodes.size());
  for (std::size_t round = 0; round < graph.nodes.size(); ++round) {
    bool changed = false;
    for (const auto& edge : graph.edges)
      if (depth[edge.to] < depth[edge.from] + 1 && depth[edge.from] < graph.nodes.size()) {
        depth[edge.to] = depth[edge.from] + 1;
        changed = true;
      }
    if (!changed) break;
  }
  return depth;
}

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

Task<Reply> ai_explain(Services& services, const Request& request) {
  Body body(request.json_object());
  const flow::Graph graph = co_await graph_in(services, request, body);
  const Neighbours around = neighbours(graph);
  json::array nodes;
  std::vector<std::size_t> starts, ends;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const flow::Node& node = graph.nodes[i];
    if (node.role == flow::NodeRole::ignored) continue;
    if (around.before[i].empty()) starts.push_back(i);
    if (around.after[i].empty()) ends.push_back(i);
    const auto before = names_of(graph, around.before[i]);
    const auto after = names_of(graph, around.after[i]);
    nodes.push_back(json::object{{"id", node.id},
                                 {"name", node.name},
                                 {"explanation", role_words(node)},
                                 {"takes_from", json::value_from(before)},
                                 {"gives_to", json::value_from(after)},
                                 {"imports", json::value_from(flow::imports_hint(node.code))}});
  }
  const std::string text = fmt::format(
      "{} node{}. It begins with {} and ends with {}; the outputs are the values of the last nodes.", nodes.size(),
      nodes.size() == 1 ? "" : "s", joined(names_of(graph, starts)), joined(names_of(graph, ends)));
  co_return Reply::of(json::object{{"explanation", text}, {"nodes", std::move(nodes)}});
}

Task<Reply> ai_optimize(Services& services, const Request& request) {
  Body body(request.json_object());
  const flow::Graph graph = co_await graph_in(services, request, body);
  const Neighbours around = neighbours(graph);
  json::array found;
  try {
    flow::make_plan(graph, *services.settings.get());
  } catch (const Fault& fault) {
    found.push_back(suggestion("error", "", fault.message));
  }
  std::map<std::size_t, std::vector<std::string>> levels;
  const auto depth = depths(graph);
  std::map<std::string, std::string> same_code;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const flow::Node& node = graph.nodes[i];
    if (node.role != flow::NodeRole::code) continue;
    levels[depth[i]].push_back(node.name);
    if (graph.nodes.size() > 1 && around.before[i].empty() && around.after[i].empty())
      found.push_back(suggestion("unconnected", node.name, "it is not connected to any other node"));
    if (const auto [other, is_new] = same_code.emplace(node.code, node.name); !is_new)
      found.push_back(
          suggestion("duplicate", node.name,
                     fmt::format("its code equals that of \"{}\"; keep one copy in the node library", other->second)));
    const auto imports = flow::imports_hint(node.code);
    for (const auto& heavy : {"pandas", "torch", "tensorflow", "scipy", "matplotlib"})
      if (std::find(imports.begin(), imports.end(), heavy) != imports.end())
        found.push_back(suggestion(
            "imports", node.name,
            fmt::format("it imports {}: the first execution after a start takes longer; later executions find it "
                        "already imported",
                        heavy)));
    const bool own_sandbox = node.sandbox.memory || node.sandbox.cpu || node.sandbox.network || node.sandbox.tmp;
    if (own_sandbox && !around.before[i].empty())
      found.push_back(suggestion(
          "sandbox", node.name,
          "it has its own sandbox, so values reach it as JSON; give its neighbours the same sandbox if they may have "
          "it"));
  }
  json::array parallel;
  for (const auto& [level, names] : levels)
    if (names.size() > 1) parallel.push_back(json::value_from(names));
  co_return Reply::of(json::object{{"suggestions", std::move(found)}, {"independent_nodes", std::move(parallel)}});
}

Task<Reply> ai_generate(Services& services, const Request& request) {
  Body body(request.json_object());
  const std::string prompt = body.required("prompt", 32U << 10U);
  body.check();
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
  const std::string text = to_utf8(std::string_view(content->get_string()));
  co_return Reply::of(json::object{{"code", code_in(text)}, {"text", text}, {"model", config->ai.model}});
}

}  // namespace qflow::api
