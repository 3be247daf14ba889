// What executions have shown of plans, for the next ones. Engine strand.
#pragma once
#include "daemon/check/signatures.hpp"
#include "daemon/engine/pace.hpp"

namespace qflow::engine {

struct Experience {
  check::Signatures signatures;
  Pace pace;
};

}  // namespace qflow::engine
