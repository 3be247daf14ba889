#include "daemon/services/execution_record.hpp"

#include "daemon/services/ending.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/running.hpp"
#include "sandbox/sys.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostShown = 16 << 20;  // of outputs in one reply, by store::weight()
constexpr std::uint64_t kMemory = 6;           // bytes of memory for a unit of weight: rows, parsed JSON, the reply

std::uint64_t weight_of(const ExecutionRecord& record) {
  const auto of = [](const std::optional<std::string>& json) { return json ? store::weight(*json) : 0; };
  std::int64_t all = of(record.execution.input_data) + of(record.execution.output_data);
  for (const store::NodeExecution& node : record.nodes)
    all += of(node.output_data) + of(node.told) +
           static_cast<std::int64_t>(node.standard_output.size() + node.standard_error.size());
  for (const auto& [node, text] : record.whole) all += store::weight(text);
  return static_cast<std::uint64_t>(all);
}

// Reads the outputs that are in files, as far as they fit beside the rest.
void read_whole(Services& services, ExecutionRecord& record) {
  std::int64_t left = kMostShown;
  for (const store::File& file : record.files) {
    if (!file.is_output || file.file_size_bytes > left || record.execution.left_out > 0) continue;
    std::string text = whole_output(services.store, file);
    left -= store::weight(text);
    if (left >= 0) record.whole.emplace(file.node_id.value_or(""), std::move(text));
  }
}

}  // namespace

std::string whole_output(const store::Store& store, const store::File& file) {
  try {
    return sandbox::read_file(store.blob_path(file.hash_sha256), static_cast<std::size_t>(file.file_size_bytes) + 1);
  } catch (const sandbox::SysError&) {
    return {};  // deleted meanwhile
  }
}

std::optional<ExecutionRecord> read_record(sqlite::Db& db, const std::string& id, std::int64_t most) {
  auto execution = store::find_execution(db, id, most);
  if (!execution) return std::nullopt;
  ExecutionRecord out;
  out.execution = std::move(*execution);
  out.nodes = store::nodes_of(db, id, most);
  out.files = store::files_of(db, id);
  out.flows = store::flows_of(db, id);
  return out;
}

// What is read is bounded by kMostShown, whatever is asked; what is made of it is bounded by the room for replies.
ExecutionRecord execution_record(Services& services, sqlite::Db& db, const auth::Caller& caller,
                                 const std::string& id) {
  own_execution(db, caller, id);
  auto out = read_record(db, id, kMostShown);
  if (!out) throw missing("execution", id);
  read_whole(services, *out);
  out->room = reply_room(services, caller.user_id, weight_of(*out) * kMemory);
  return std::move(*out);
}

ExecutionRecord node_record(Services& services, sqlite::Db& db, const auth::Caller& caller, const std::string& id,
                            const std::string& node, std::optional<std::int64_t> run) {
  ExecutionRecord out;
  out.execution = own_execution(db, caller, id);
  auto row = store::node_of(db, id, node, run);
  if (!row) throw missing("node of this execution", node);
  out.nodes.push_back(std::move(*row));
  out.room = reply_room(services, caller.user_id, weight_of(out) * kMemory);
  return out;
}

std::string executed_document(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  const store::Execution execution = own_execution(db, caller, id);
  auto document = execution.document_hash ? store::find_document(db, *execution.document_hash) : std::nullopt;
  if (!document)
    throw Fault(FaultKind::not_found, "missing_document",
                "the workflow was not kept with this execution, which is of an earlier release");
  return std::move(*document);
}

}  // namespace qflow::services
