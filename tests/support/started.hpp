// Executions whose first node is seen to run. A record that says `running` may be of one that has not begun.
#pragma once
#include <string>

#include "tests/support/http.hpp"
#include "tests/support/web_socket.hpp"

namespace qflow::test {

/// Starts a workflow and returns its execution's id once a node of it has begun; empty when none does.
inline std::string start_and_see(Daemon& daemon, const std::string& workflow, const json::value& input = nullptr) {
  WebSocket socket(daemon.port(), "/ws/executions?workflowId=" + workflow, daemon.authorization());
  json::object body;
  if (!input.is_null()) body["input_data"] = input;
  const std::string id = text(daemon.post("/workflows/" + workflow + "/execute", body)["id"]);
  return socket.next("node.started", 60'000).is_object() ? id : std::string();
}

}  // namespace qflow::test
