// Checks of the walls: by the worker from inside, and by the daemon, which believes only the kernel, from outside.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The checks that a worker makes before it asks for code. A set bit: the wall held.
enum class Check : std::uint32_t {
  no_new_privs = 1U << 0U,
  seccomp = 1U << 1U,
  no_capabilities = 1U << 2U,
  not_root = 1U << 3U,
  own_pid_namespace = 1U << 4U,  ///< it is PID 1
  host_file_closed = 1U << 5U,   ///< /etc/shadow and /proc are not there
  no_sockets = 1U << 6U,         ///< socket(AF_UNIX), which no policy grants, is refused
  own_tmp = 1U << 7U,            ///< /tmp is a tmpfs
  root_read_only = 1U << 8U,
  not_dumpable = 1U << 9U,
};

/// Whether a process is a worker, or a fork of one, which is in its PID namespace.
enum class Role { worker, branch };

/// The bits that a worker under `policy` must report.
std::uint32_t expected_checks(const Policy& policy, Role role = Role::worker);
/// Tries every check. Called by a worker in its sandbox; allocates nothing.
std::uint32_t run_checks() noexcept;
/// The names of the bits in `missing`, for messages.
std::string check_names(std::uint32_t missing);

/// Checks the text of a worker's /proc/PID/status against `policy`: NoNewPrivs, Seccomp, capability sets, ids, nested
/// PID namespaces. Returns an empty text when everything is as it must be, otherwise what is not. Daemon side, any
/// thread.
std::string inspect_from_outside(std::string_view status, const Policy& policy, Role role = Role::worker);

}  // namespace qflow::sandbox
