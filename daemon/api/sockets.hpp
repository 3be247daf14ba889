// /ws/…: live events to whoever listens, resumable from an event's id.
#pragma once
#include <list>
#include <memory>
#include <mutex>

#include "daemon/api/services.hpp"
#include "daemon/http/application.hpp"

namespace qflow::api {

/// The open sockets with the proofs that opened them. Any thread.
class OpenSockets {
 public:
  struct Entry {
    std::weak_ptr<http::Socket> socket;
    std::string authorization, cookie;
    std::shared_ptr<const auth::Caller> caller;  // shared with the table of known callers
  };
  void add(Entry entry);
  /// Those that still are open.
  std::vector<Entry> all();

 private:
  std::mutex mutex_;
  std::list<Entry> entries_;
};

/// Subscribes `socket` to the channel that the path names: only the caller's own events unless they see all;
/// ?executionId=, ?workflowId= narrow it, ?since=ID (or Last-Event-ID) goes on after an event.
http::SocketEvents open_socket(Services& services, const Request& request, std::shared_ptr<http::Socket> socket);

/// Closes the sockets whose proof has ended, or whose user may see less or more than when they were opened. Runs until
/// the io_context stops.
Task<> watch_access(Services& services);

}  // namespace qflow::api
