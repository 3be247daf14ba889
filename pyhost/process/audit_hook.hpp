// Python's audit hook (PEP 578) as the second source of named denials: it sees the attempt to start a program, which
// the system-call filter must refuse without a trap. It only reports and refuses nothing; node code could remove it.
#pragma once
#include "sandbox/policy.hpp"

namespace qflow::pyhost {

/// Call once in a zygote, after the interpreter has started. Its workers inherit the hook.
void watch_audit_events(const sandbox::Policy& policy);

}  // namespace qflow::pyhost
