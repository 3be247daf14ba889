// Reading the record of an execution, within bounds of memory. On a thread of the store.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/byte_budget.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::services {

struct ExecutionRecord {
  store::Execution execution;
  std::vector<store::NodeExecution> nodes;
  std::vector<store::File> files;
  std::vector<store::DataFlowRow> flows;
  std::map<std::string, std::string> whole;  ///< by node id: outputs of which the rows have a part, as JSON text
  std::shared_ptr<ByteBudget::Hold> room;    ///< for this and what is made of it; kept until the reply is sent
};

/// Outputs beyond 16 MiB together (small values count more, see store::weight), and an output of the workflow of more
/// than that, are left out: `left_out` of
/// the rows says how much, and node_record() has each node. Outputs that files have whole are read from there, up to
/// 16 MiB more. Throws Fault: not_found, also when it is not the caller's;
/// unavailable when too much is being sent to too many.
ExecutionRecord execution_record(Services& services, sqlite::Db& db, const auth::Caller& caller, const std::string& id);
/// The record with one node, by its id or name, in full, and nothing of the others. `run`: of a node in a loop;
/// nothing: its last one. Throws Fault(not_found).
ExecutionRecord node_record(Services& services, sqlite::Db& db, const auth::Caller& caller, const std::string& id,
                            const std::string& node, std::optional<std::int64_t> run);
/// Whether the caller's proof covers reading records: who starts or stops an execution need not.
inline bool may_read_records(const auth::Caller& caller) { return caller.reaches("executions:read"); }
/// The rows of an execution, with outputs of at most `most` (by store::weight()) together; nothing when there is none.
std::optional<ExecutionRecord> read_record(sqlite::Db& db, const std::string& id, std::int64_t most);
/// The JSON text of an output that a file has whole; empty when it is gone. Reads a file of any size.
std::string whole_output(const store::Store& store, const store::File& file);
/// JSON of the workflow as the execution ran it. Throws Fault(not_found), also for one of an earlier release.
std::string executed_document(sqlite::Db& db, const auth::Caller& caller, const std::string& id);

}  // namespace qflow::services
