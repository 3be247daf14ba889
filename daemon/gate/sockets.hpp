// /ws/…: live events for subscribers, resumable from an event's id.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "daemon/http/message.hpp"
#include "daemon/http/socket.hpp"
#include "daemon/services/services.hpp"

namespace qflow::gate {

/// The open sockets with the proofs that opened them. Any thread.
class OpenSockets {
 public:
  struct Entry {
    std::weak_ptr<http::Socket> socket;
    std::string authorization, cookie;
    std::shared_ptr<const auth::Caller> caller;  // shared with the table of known callers
  };
  void add(Entry entry);
  /// How many a user has open.
  std::size_t count(const std::string& user_id);
  /// The sockets that are still open.
  std::vector<Entry> all();

 private:
  std::mutex mutex_;
  std::list<Entry> entries_;
};

/// The Authorization header's value, or ?token= in its place: a browser's WebSocket can send no header.
std::string bearer_of(const http::Request& request);

/// Subscribes `socket` to the channel that the path names and enters it in `sockets`: only the caller's own events
/// unless they see all; ?executionId=, ?workflowId= narrow it, ?since=ID (or Last-Event-ID) goes on after an event.
http::SocketEvents open_socket(services::Services& services, OpenSockets& sockets, const http::Request& request,
                               std::shared_ptr<http::Socket> socket);

}  // namespace qflow::gate
