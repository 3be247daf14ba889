// The route table: which calls exist, who may make them, how they are counted, which handler answers.
// schema/openapi.yaml repeats every line, and a test compares the two.
#pragma once
#include <set>
#include <span>
#include <string>

#include "daemon/gate/route.hpp"

namespace qflow::api {

/// The routes of this dialect.
std::span<const gate::Route> routes();
/// The scopes that an API key can have: each route's scope, also with * for either word, and *.
const std::set<std::string, std::less<>>& scopes();

}  // namespace qflow::api
