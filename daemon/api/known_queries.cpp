#include "daemon/api/known_queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/api/openapi.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace {

namespace json = boost::json;
using Names = std::vector<std::string>;

// A parameter, or what it refers to in this document.
const json::value& resolved(const json::value& whole, const json::value& parameter) {
  const json::value* reference = parameter.as_object().if_contains("$ref");
  return reference == nullptr ? parameter : whole.at_pointer(std::string_view(reference->as_string()).substr(1));
}

void add_names(const json::value& whole, const json::object& of, Names& names) {
  const json::value* parameters = of.if_contains("parameters");
  if (parameters == nullptr) return;
  for (const json::value& one : parameters->as_array()) {
    const json::value& parameter = resolved(whole, one);
    if (parameter.at("in") == "query") names.emplace_back(std::string_view(parameter.at("name").as_string()));
  }
}

// By operation, from the description that is part of this program.
std::map<std::string, Names, std::less<>> read_description() {
  std::string error;
  const json::value whole = schema::parse_json(openapi_json(), error, 200);
  std::map<std::string, Names, std::less<>> out;
  for (const auto& [path, item] : whole.at("paths").as_object())
    for (const auto& [method, operation] : item.as_object()) {
      if (!operation.is_object() || !operation.get_object().contains("operationId")) continue;
      Names& names = out[std::string(std::string_view(operation.at("operationId").as_string()))];
      add_names(whole, item.as_object(), names);
      add_names(whole, operation.as_object(), names);
    }
  return out;
}

}  // namespace

void check_query(const gate::Route& route, const http::Request& request) {
  if (request.query.empty() || route.rate == auth::Rate::webhooks) return;
  static const auto kKnown = read_description();
  static const Names all = [] {
    std::set<std::string> names;
    for (const auto& [operation, own] : kKnown) names.insert(own.begin(), own.end());
    return Names(names.begin(), names.end());
  }();
  const auto known = kKnown.find(route.operation);
  if (known == kKnown.end()) return;
  for (const auto& [name, value] : request.query) {
    if (std::find(known->second.begin(), known->second.end(), name) != known->second.end()) continue;
    if (const std::string like = near_name(name, known->second); !like.empty())
      throw Fault(FaultKind::bad_input, "invalid_query",
                  fmt::format("{}: there is no such query parameter; did you mean {}?", name, like));
    // Nearly one that only other calls have. Theirs as they are pass: clients send one set to several calls.
    if (std::count(all.begin(), all.end(), name) == 0 && !near_name(name, all).empty())
      throw Fault(FaultKind::bad_input, "invalid_query",
                  fmt::format("{}: this call has no such query parameter; it has {}", name,
                              known->second.empty() ? "none" : fmt::format("{}", fmt::join(known->second, ", "))));
  }
}

}  // namespace qflow::api
