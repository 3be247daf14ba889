// The route table and schema/openapi.yaml agree, in both directions.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <map>
#include <set>

#include "daemon/api/table.hpp"
#include "daemon/auth/api_key.hpp"
#include "openapi_json.hpp"

using namespace qflow;
namespace json = boost::json;

namespace {
std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}
const json::object& document() {
  static const json::value kWhole = json::parse(api::kOpenApi);
  return kWhole.as_object();
}
bool is_open(const json::object& operation) {
  const json::value* security = operation.if_contains("security");
  return security != nullptr && security->as_array().size() == 1 && security->as_array()[0].as_object().empty();
}
}  // namespace

TEST_CASE("every route is described, and every description is of a route") {
  std::map<std::string, const json::object*> described;
  for (const auto& [path, item] : document().at("paths").as_object())
    for (const auto& [method, operation] : item.as_object())
      if (method != "parameters") described[std::string(method) + " " + std::string(path)] = &operation.as_object();
  std::set<std::string> operations;
  for (const gate::Route& route : api::routes()) {
    const std::string line = lower(route.method) + " " + std::string(route.pattern);
    CAPTURE(line);
    REQUIRE(described.count(line) == 1);
    const json::object& operation = *described[line];
    CHECK(operation.at("operationId") == json::value(route.operation));
    CHECK(is_open(operation) == (route.access == http::Access::open));
    CHECK(operations.insert(std::string(route.operation)).second);
    CHECK_FALSE(operation.at("summary").as_string().empty());
    described.erase(line);
  }
  for (const auto& [line, operation] : described) FAIL_CHECK("described but not a route: ", line);
}

TEST_CASE("each route says who may call it and what a key must reach") {
  for (const gate::Route& route : api::routes()) {
    CAPTURE(route.operation);
    const bool ends_session = route.operation == "logout" || route.operation == "deleteSession";
    CHECK((route.access == http::Access::open || ends_session || route.scope.find(':') != std::string_view::npos));
    // Only answers to GET may be cached; a request that changes something needs more than a read scope.
    if (route.reads != 0) CHECK(route.method == "GET");
    if (route.method != "GET" && route.access != http::Access::open && !ends_session)
      CHECK((!route.scope.ends_with(":read") || route.scope == "types:read"));
  }
}

TEST_CASE("the scopes of keys are those of the routes") {
  std::set<std::string_view> used;
  for (const gate::Route& route : api::routes())
    if (!route.scope.empty()) used.insert(route.scope);
  const auto& names = auth::scope_names();
  CHECK(used == std::set<std::string_view>(names.begin(), names.end()));
  for (const char* scope : {"*", "workflows:*", "*:read", "ai:execute"}) CHECK(auth::scope_problem(scope).empty());
  for (const char* scope : {"", "workflows", "workflows:", "workflow:read", "*:*", "workflows:fly"})
    CHECK_FALSE(auth::scope_problem(scope).empty());
}
