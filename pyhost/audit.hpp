// Python's audit hook (PEP 578) as the second source of named denials: it sees the attempt to start a program, which
// the system-call filter must refuse without a trap. It informs and refuses nothing; node code could take it away.
#pragma once
#include "sandbox/policy.hpp"

namespace qflow::pyhost {

/// Once in a zygote, after the interpreter has started. Its workers inherit it.
void watch_audit_events(const sandbox::Policy& policy);

}  // namespace qflow::pyhost
