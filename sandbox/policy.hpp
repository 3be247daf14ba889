// What a sandbox allows, as one value that is made once and then only read. Plain data; any thread.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qflow::sandbox {

/// The individual walls, in the order in which they go up (sandbox/README.md says what each one stops).
enum class Layer : std::uint32_t {
  user_namespace = 1U << 0U,
  mount_namespace = 1U << 1U,  ///< with a root of read-only binds and pivot_root
  pid_namespace = 1U << 2U,
  network_namespace = 1U << 3U,
  ipc_namespace = 1U << 4U,
  uts_namespace = 1U << 5U,
  cgroup_namespace = 1U << 6U,
  limits = 1U << 7U,        ///< rlimits
  capabilities = 1U << 8U,  ///< every set emptied
  no_new_privs = 1U << 9U,
  landlock = 1U << 10U,  ///< skipped without an error where the kernel has none; the probe reports it
  seccomp = 1U << 11U,
};
inline constexpr std::uint32_t kAllLayers = (1U << 12U) - 1;
/// The layers that remain where the host has no user namespaces (isolation level 1).
inline constexpr std::uint32_t kWithoutNamespaces = kAllLayers & ~((1U << 7U) - 1);

/// Upper bounds of one worker. Sizes in bytes.
struct Limits {
  std::uint64_t memory = 512ULL << 20U;  ///< resident and writable memory of all its processes together
  std::uint64_t tmp = 64ULL << 20U;      ///< each of /tmp, /dev/shm and the working directory
  std::uint32_t processes = 64;          ///< processes and threads
  std::uint32_t cpu_millis = 500;        ///< thousandths of a processor, all its processes together
  std::uint32_t open_files = 256;        ///< descriptors of one process
  std::uint32_t cpu_seconds = 86400;     ///< CPU time of one process; the daemon watches a node's own budget
  bool operator==(const Limits&) const = default;
};

/// What a node may reach over the network.
enum class Network : std::uint8_t {
  none,  ///< an empty namespace, and no sockets except AF_UNIX pairs
  host,  ///< the host's network: TCP and UDP, like any other program
};
constexpr std::string_view word(Network network) { return network == Network::host ? "host" : "none"; }

/// A host directory or file that is visible, read-only, at the same path.
struct Mount {
  std::string path;
  bool optional = false;  ///< left out without an error when the host does not have it
  bool operator==(const Mount&) const = default;
};

/// Everything one zygote and its workers may see and do.
struct Policy {
  std::vector<Mount> mounts;
  Limits limits;
  Network network = Network::none;
  bool programs = false;              ///< execve allowed, and /usr/bin visible
  std::uint32_t layers = kAllLayers;  ///< fewer than all only in tests and below --min-isolation 2
  uid_t host_uid = 71000;             ///< the uid and gid outside the sandbox, of zygotes whose daemon root started
  bool has(Layer layer) const { return (layers & static_cast<std::uint32_t>(layer)) != 0; }
  bool operator==(const Policy&) const = default;
};

/// The id a zygote is mapped to inside its user namespace; never 0.
inline constexpr uid_t kInsideId = 1000;
/// The id that a worker sees as its own: its user namespace maps no id, which shows as the overflow id.
inline constexpr uid_t kOverflowId = 65534;
/// A worker's working directory, HOME and TMPDIR.
inline constexpr std::string_view kWorkDirectory = "/node";

/// One `key value` line for each setting: for logs, comparison, and sending from the daemon to a zygote.
std::string to_text(const Policy& policy);
/// Reads what to_text() wrote. Throws std::invalid_argument that names the line.
Policy policy_from_text(std::string_view text);

/// The lines of to_text() that are limits: they carry one worker's own limits to its zygote.
std::string to_text(const Limits& limits);
/// Reads what to_text(Limits) wrote, over `limits`. Throws std::invalid_argument that names the line.
Limits limits_from_text(std::string_view text, Limits limits);
/// The first limit in which `asked` is above `allowed`, as "memory 1073741824 is above 536870912"; empty if none is.
std::string above(const Limits& asked, const Limits& allowed);

/// The host directories and files that a sandbox sees besides the interpreter's own, because of what `policy` grants:
/// programs (/usr/bin and what they need) and, with the host's network, the resolver's and TLS's configuration.
std::vector<Mount> granted_mounts(const Policy& policy);

}  // namespace qflow::sandbox
