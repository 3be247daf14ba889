// `sandbox: {network, memory, cpu, time, tmp, processes, programs}` of a workflow or a node: read, and held against
// what the installation allows. Any thread.
#pragma once
#include "daemon/engine/graph.hpp"
#include "daemon/engine/members.hpp"
#include "daemon/workers/settings.hpp"

namespace qflow::engine {

/// An interpreter alone needs some.
inline constexpr std::uint64_t kLeastMemory = 16ULL << 20U;

/// A size: a number of bytes, or text such as "256 MiB" or "64M" (M and MiB both mean 2^20).
std::optional<std::uint64_t> read_size(const Members& from, const char* name, std::uint64_t least);

/// Reads the member `sandbox` of an object, if it has one, over `request`. What is wrong goes to the object's problems.
void read_sandbox(const Members& from, SandboxRequest& request);

/// What one node gets.
struct Granted {
  workers::Sandbox sandbox;
  double seconds = 0;  ///< wall clock
};

/// The node's own request over its workflow's over the installation's. Throws Fault(bad_input) that names the node, the
/// field and the installation's limit when it asks for more than that.
Granted settle_sandbox(const Node& node, const SandboxRequest& workflow, const workers::Settings& settings);

/// "128 MiB", for messages.
std::string size_text(std::uint64_t bytes);

}  // namespace qflow::engine
