// What an installation allows its workers, and how the pool behaves. A value; any thread. The pool
// has its own copy, which Pool::adopt() replaces.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/workers/pythons.hpp"
#include "daemon/workers/venv.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/policy.hpp"

namespace qflow::workers {

/// What one worker may do: the part of a policy that a workflow or a node may ask to reduce.
struct Sandbox {
  sandbox::Limits limits;
  sandbox::Network network = sandbox::Network::none;
  bool programs = false;
  bool operator==(const Sandbox&) const = default;
};

struct Settings {
  Pythons pythons;
  std::string default_python;
  std::vector<Venv> venvs;                     ///< environments that somebody has prepared
  std::optional<std::size_t> venv;             ///< that of workflows that name none: which of them
  sandbox::Limits limits;                      ///< of every worker that asks for nothing; the most for any worker
  bool allow_network = false;                  ///< workflows may ask for the host's network
  bool allow_programs = false;                 ///< workflows may ask to start programs
  std::vector<std::string> shared;             ///< directories of the host that every sandbox sees, read-only
  sandbox::CgroupTree* cgroups = nullptr;      ///< the kernel enforces limits there; null: rlimits and the watch do
  std::uint32_t layers = sandbox::kAllLayers;  ///< fewer only below isolation level 2
  uid_t worker_uid = sandbox::Policy{}.host_uid;
  double node_seconds = 30;                        ///< wall clock of one node; a workflow may ask for less or more
  double max_node_seconds = 3600;                  ///< the most that a workflow may ask for
  std::size_t output_bytes = 1U << 20U;            ///< kept of each stream of each node
  std::uint64_t max_output_bytes = 256ULL << 20U;  ///< written to a stream by one node; a node above this is ended
  std::uint64_t file_bytes = 64ULL << 20U;         ///< of all files that an execution hands over
  unsigned min_spares = 3;                         ///< waiting workers of an idle environment
  unsigned max_spares = 16;
  unsigned max_zygotes = 4;      ///< pre-imported sets of one environment
  unsigned zygote_forks = 5000;  ///< then the zygote is replaced (its workers share its address layout)
  unsigned zygote_minutes = 30;
  double idle_minutes = 10;  ///< unused for so long, packages and named environments keep less ready
  bool preload = true;       ///< keep zygotes with the packages that workflows import

  /// The prepared environment of that name; null: there is none.
  const Venv* find_venv(const std::string& name) const {
    for (const Venv& one : venvs)
      if (one.name == name) return &one;
    return nullptr;
  }
  /// The prepared environment that a workflow names by its directory's name; null: there is none.
  const Venv* named_venv(const std::string& directory) const {
    for (const Venv& one : venvs)
      if (!directory.empty() && one.path.ends_with("/" + directory)) return &one;
    return nullptr;
  }
  /// The environment of workflows that name none; empty: the version's own.
  std::string base_environment(const std::string& python) const {
    return venv && venvs[*venv].python == python ? venvs[*venv].name : std::string();
  }
};

}  // namespace qflow::workers
