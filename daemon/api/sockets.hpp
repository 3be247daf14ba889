// /ws/…: live events to whoever listens, resumable from an event's id.
#pragma once
#include <memory>

#include "daemon/api/services.hpp"
#include "daemon/http/application.hpp"

namespace qflow::api {

/// Subscribes `socket` to the channel that the path names: only the caller's own events unless they see all;
/// ?executionId=, ?workflowId= narrow it, ?since=ID (or Last-Event-ID) goes on after an event.
http::SocketEvents open_socket(Services& services, const Request& request, std::shared_ptr<http::Socket> socket);

}  // namespace qflow::api
