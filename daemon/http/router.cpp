#include "daemon/http/router.hpp"

#include <fmt/format.h>

namespace qflow::http {
namespace {

// Literal segments matched, or -1. /api/v1 is an alias of / (api.md 1).
int match_segments(std::string_view pattern, const std::vector<std::string>& segments, std::size_t skip,
                   std::map<std::string, std::string>& parameters) {
  int literal = 0;
  std::size_t at = skip;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const auto slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    pattern.remove_prefix(slash == std::string_view::npos ? pattern.size() : slash + 1);
    if (at >= segments.size()) return -1;
    if (part.front() == '{') parameters[std::string(part.substr(1, part.size() - 2))] = segments[at];
    else if (part == segments[at]) ++literal;
    else return -1;
    ++at;
  }
  return at == segments.size() ? literal : -1;
}

}  // namespace

const Route& Router::match(Request& request) const {
  const bool alias = request.segments.size() > 2 && request.segments[0] == "api" && request.segments[1] == "v1";
  const Route* best = nullptr;
  int best_literal = -1;
  std::string methods;
  for (const Route& route : routes_) {
    std::map<std::string, std::string> parameters;
    const int literal = match_segments(route.pattern, request.segments, alias ? 2 : 0, parameters);
    if (literal < 0) continue;
    if (route.method != request.method) {
      methods += (methods.empty() ? "" : ", ") + route.method;
      continue;
    }
    if (literal > best_literal) {
      best = &route;
      best_literal = literal;
      request.parameters = std::move(parameters);
    }
  }
  if (best != nullptr) return *best;
  if (!methods.empty())
    throw Fault(FaultKind::not_allowed, "method_not_allowed",
                fmt::format("{} is not possible on {}; possible: {}", request.method, request.path, methods));
  throw Fault(FaultKind::not_found, "not_found", fmt::format("there is nothing at {}", request.path));
}

}  // namespace qflow::http
