// Names denied acts. The filter traps the calls that people run into; the handler, in the process itself, reports the
// attempt and answers the call with an error. It only informs: the kernel refuses the call whether the handler runs,
// lies, or was removed by the node.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// An attempted call.
struct DeniedCall {
  int number = 0;  ///< the number of the system call on this machine
  std::array<std::uint64_t, 2> arguments{};
  bool operator==(const DeniedCall&) const = default;
};

/// Reports go to the standard error pipe, by a descriptor of its own. Each is one write of fixed length, so it is never
/// torn: mark, '!', call number and arguments in hex, LF.
inline constexpr int kEventFd = 4;
inline constexpr std::size_t kMarkLength = 20;
inline constexpr std::size_t kDenialLength = kMarkLength + 1 + 8 + 2 * (1 + 16) + 1;

/// Installs the handler for SIGSYS. In a zygote it has no mark: it answers calls and reports nothing.
void catch_denials() noexcept;
/// In a worker with its tmpfs mounted: the handler grants its main process record locks on files there.
void have_own_files() noexcept;
/// In a branch: it is a main process from now on, if its worker was one.
void keep_own_files() noexcept;
/// From now on reports start with `mark` (kMarkLength bytes); another length: there are none.
void report_denials_as(std::string_view mark) noexcept;
/// Reports a call that was not trapped, as Python's audit hook saw it.
void report_denial(const DeniedCall& call) noexcept;
/// Parses the part of a report after the mark and '!'. False when it is not a report.
bool parse_denial(std::string_view text, DeniedCall& call);

/// A denied act, described for people.
struct Denial {
  std::string act;      ///< "socket(AF_INET)"
  std::string reason;   ///< "network is off for this node"
  std::string setting;  ///< "sandbox.network"; empty when no setting allows it
  bool operator==(const Denial&) const = default;
};
Denial explain(const DeniedCall& call);

}  // namespace qflow::sandbox
