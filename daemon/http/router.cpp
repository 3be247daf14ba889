#include "daemon/http/router.hpp"

#include <fmt/format.h>

#include <map>

namespace qflow::http {

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
  std::unique_ptr<Node> named;
  std::unique_ptr<Node> rest;                                   ///< takes one segment or more
  std::vector<std::pair<std::string_view, std::size_t>> lines;  ///< method → index
};

namespace {

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> parts;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const auto slash = pattern.find('/');
    parts.push_back(pattern.substr(0, slash));
    pattern.remove_prefix(slash == std::string_view::npos ? pattern.size() : slash + 1);
  }
  return parts;
}

// /api/v1 is an alias of / (README.md, "Paths").
std::size_t skipped(const Request& request) {
  const auto& s = request.segments;
  return s.size() > 2 && s[0] == "api" && s[1] == "v1" ? 2 : 0;
}

std::string joined(const std::vector<std::string>& segments, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < segments.size(); ++i) text += (i == from ? "" : "/") + segments[i];
  return text;
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(const Endpoint& endpoint) {
  Node* at = root_.get();
  for (const std::string_view part : split(endpoint.pattern)) {
    auto& slot = part.front() != '{' ? at->literal[std::string(part)] : part.ends_with("*}") ? at->rest : at->named;
    if (!slot) slot = std::make_unique<Node>();
    at = slot.get();
  }
  at->lines.emplace_back(endpoint.method, endpoints_.size());
  endpoints_.push_back(endpoint);
}

const Router::Node* Router::find(const Node& at, const std::vector<std::string>& segments, std::size_t index) const {
  if (index == segments.size()) return at.lines.empty() ? nullptr : &at;
  if (const auto found = at.literal.find(segments[index]); found != at.literal.end())
    if (const Node* leaf = find(*found->second, segments, index + 1)) return leaf;
  if (at.named)
    if (const Node* leaf = find(*at.named, segments, index + 1)) return leaf;
  return at.rest ? at.rest.get() : nullptr;
}

const Router::Node* Router::leaf(const Request& request) const {
  return find(*root_, request.segments, skipped(request));
}

std::string Router::methods(const Request& request) const {
  std::string names;
  if (const Node* found = leaf(request))
    for (const auto& [method, index] : found->lines) names += (names.empty() ? "" : ", ") + std::string(method);
  return names;
}

void Router::match(Request& request) const {
  const Node* found = leaf(request);
  if (found == nullptr)
    throw Fault(FaultKind::not_found, "not_found", fmt::format("there is nothing at {}", request.path));
  for (const auto& [method, index] : found->lines) {
    if (method != request.method && method != "*") continue;
    request.route = index;
    std::size_t segment = skipped(request);
    for (const std::string_view part : split(endpoints_[index].pattern)) {
      if (part.ends_with("*}"))
        request.parameters[std::string(part.substr(1, part.size() - 3))] = joined(request.segments, segment);
      else if (part.front() == '{')
        request.parameters[std::string(part.substr(1, part.size() - 2))] = request.segments[segment];
      ++segment;
    }
    return;
  }
  throw Fault(FaultKind::not_allowed, "method_not_allowed",
              fmt::format("{} is not allowed on {}; allowed: {}", request.method, request.path, methods(request)));
}

}  // namespace qflow::http
