// The route table: which calls exist, who may make them, how they are counted, which handler answers.
// schema/openapi.yaml repeats every line, and a test compares the two.
#pragma once
#include <span>

#include "daemon/gate/route.hpp"

namespace qflow::api {

/// The routes of this dialect.
std::span<const gate::Route> routes();

}  // namespace qflow::api
