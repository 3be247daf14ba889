// The module `qflow` that nodes can import: what they tell while they run, the workflow's state. What it does is
// written in qflow_module.py; here is how a worker makes it and talks with it. Worker process.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Makes the module. In the zygote, before the first fork. Throws error_already_set.
void prepare_qflow_module();

/// What a worker has of it. None of these costs anything while no node uses the module.
class QflowModule {
 public:
  /// `tell`: passes a note on. It is called in the thread of whoever uses the module, with the GIL held.
  explicit QflowModule(std::function<void(const schema::Note&)> tell);
  ~QflowModule();
  QflowModule(const QflowModule&) = delete;
  QflowModule& operator=(const QflowModule&) = delete;

  /// What `qflow.execution` says.
  void set_execution(const schema::json::value& facts);
  /// What others have changed of the state: {"set", "removed"} as JSON text. Throws error_already_set.
  void take_state(const std::string& text);
  /// Forgets the execution and its state: another one begins in this process. Throws error_already_set.
  void begin_again();
  /// A call begins: what it tells is counted from here.
  void begin();
  /// A call has ended. Tells what it changed of the state; one that failed (`good` false) has changed nothing. Returns
  /// what was not passed on, for its warnings. Throws error_already_set when the state is not JSON, or too large.
  std::vector<std::string> end(bool good);
};

}  // namespace qflow::pyhost
