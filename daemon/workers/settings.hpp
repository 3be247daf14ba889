// What an installation allows its workers, and how the pool behaves. Made once at start; any thread reads it.
#pragma once
#include <cstdint>
#include <string>

#include "daemon/workers/pythons.hpp"
#include "sandbox/policy.hpp"

namespace qflow::workers {

struct Settings {
  Pythons pythons;
  std::string default_python;
  sandbox::Limits limits;                      ///< upper bounds of every worker
  std::uint32_t layers = sandbox::kAllLayers;  ///< less below isolation level 2 only
  uid_t worker_uid = sandbox::Policy{}.host_uid;
  double node_seconds = 30;                 ///< wall clock of one node; a workflow may ask for less or more, up to
  double max_node_seconds = 3600;           ///< this
  std::size_t output_bytes = 1U << 20U;     ///< kept of each stream of each node
  std::uint64_t file_bytes = 64ULL << 20U;  ///< of all files that an execution hands over
  unsigned min_spares = 3;                  ///< waiting workers of an idle environment
  unsigned max_spares = 16;
  unsigned max_zygotes = 4;      ///< pre-imported sets of one environment
  unsigned zygote_forks = 5000;  ///< then it is replaced (its workers share its address layout)
  unsigned zygote_minutes = 30;
  bool preload = true;  ///< keep zygotes with the packages that workflows import
};

}  // namespace qflow::workers
