// `sandbox: {network, memory, cpu, time, tmp, processes, programs}` of a workflow or a node: reading it, and checking
// it against what the installation allows. Any thread.
#pragma once
#include "daemon/base/members.hpp"
#include "daemon/flow/graph.hpp"
#include "daemon/workers/pool_settings.hpp"

namespace qflow::flow {

/// The least that may be asked for: an interpreter alone needs some.
inline constexpr std::uint64_t kLeastMemory = 16ULL << 20U;

/// A size: a number of bytes, or text such as "256 MiB" or "64M" (M and MiB both mean 2^20).
std::optional<std::uint64_t> read_size(const Members& from, const char* name, std::uint64_t least);

/// Overrides `request` with the member `sandbox` of an object, if it has one. Errors go to the object's problems.
void read_sandbox(const Members& from, SandboxRequest& request);

/// What one node gets.
struct Granted {
  workers::Sandbox sandbox;
  double seconds = 0;  ///< wall clock
};

/// Applies the node's own request over its workflow's over the installation's. Throws a Fault(bad_input) that names the
/// node, the field and the installation's limit when a request exceeds the limit.
Granted settle_sandbox(const Node& node, const SandboxRequest& workflow, const workers::Settings& settings);

/// "128 MiB", for messages.
std::string size_text(std::uint64_t bytes);

}  // namespace qflow::flow
