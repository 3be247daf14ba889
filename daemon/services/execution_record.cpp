#include "daemon/services/execution_record.hpp"

#include <algorithm>

#include "daemon/services/faults.hpp"
#include "daemon/services/running.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostShown = 16 << 20;  // bytes of outputs in one reply
constexpr std::uint64_t kMemory = 6;           // bytes of memory for a byte of record: rows, parsed JSON, the reply

}  // namespace

ExecutionRecord execution_record(Services& services, sqlite::Db& db, const auth::Caller& caller,
                                 const std::string& id) {
  const store::Execution summary = own_execution(db, caller, id);
  ExecutionRecord out;
  // While it runs, its size is not known.
  const bool over = summary.completed_at.has_value();
  const std::int64_t size = std::min(over ? summary.bytes : kMostShown, 2 * kMostShown);
  out.room = reply_room(services, caller, static_cast<std::uint64_t>(size) * kMemory);
  auto whole = store::find_execution(db, id, kMostShown);
  if (!whole) throw missing("execution", id);
  out.execution = std::move(*whole);
  out.nodes = store::nodes_of(db, id, kMostShown);
  out.files = store::files_of(db, id);
  out.flows = store::flows_of(db, id);
  return out;
}

ExecutionRecord node_record(Services& services, sqlite::Db& db, const auth::Caller& caller, const std::string& id,
                            const std::string& node) {
  ExecutionRecord out;
  store::Execution summary = own_execution(db, caller, id);
  auto row = store::node_of(db, id, node);
  if (!row) throw missing("node of this execution", node);
  const std::size_t size = (row->output_data ? row->output_data->size() : 0) + row->standard_output.size();
  out.room = reply_room(services, caller, size * kMemory);
  out.execution = std::move(summary);
  out.nodes.push_back(std::move(*row));
  return out;
}

std::string executed_document(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  const store::Execution execution = own_execution(db, caller, id);
  auto document = execution.document_hash ? store::find_document(db, *execution.document_hash) : std::nullopt;
  if (!document)
    throw Fault(FaultKind::not_found, "missing_document",
                "the workflow was not kept with this execution: it is of an earlier release, or of `qflow run`");
  return std::move(*document);
}

}  // namespace qflow::services
