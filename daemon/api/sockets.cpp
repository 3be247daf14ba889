#include "daemon/api/sockets.hpp"

#include <charconv>

namespace qflow::api {
namespace {

std::optional<std::uint64_t> event_id(const Request& request) {
  std::string text = request.text("since").value_or(std::string(request.header("last-event-id")));
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace

void OpenSockets::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([](const Entry& one) { return one.socket.expired(); });
  entries_.push_back(std::move(entry));
}

std::vector<OpenSockets::Entry> OpenSockets::all() {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([](const Entry& one) { return one.socket.expired(); });
  return {entries_.begin(), entries_.end()};
}

Task<> watch_access(Services& services) {
  for (;;) {
    co_await sleep_for(std::chrono::seconds(1));
    for (const OpenSockets::Entry& entry : services.sockets.all()) {
      try {
        const auto now = co_await services.authenticator.identify(entry.authorization, entry.cookie);
        if (now->signed_in() && now->user_id == entry.caller->user_id && now->role == entry.caller->role) continue;
      } catch (const std::exception&) {
        continue;  // the store does not answer: not a matter of access
      }
      if (const auto socket = entry.socket.lock()) socket->close(1008, "what opened this socket is no longer valid");
    }
  }
}

http::SocketEvents open_socket(Services& services, const Request& request, std::shared_ptr<http::Socket> socket) {
  observe::Interest interest;
  interest.channel = request.path.ends_with("/containers")  ? observe::Channel::containers
                     : request.path.ends_with("/workflows") ? observe::Channel::workflows
                                                            : observe::Channel::executions;
  interest.owner = request.caller->owner_filter();
  interest.execution_id = request.text("executionId");
  interest.workflow_id = request.text("workflowId");
  auto send = [weak = std::weak_ptr(socket)](std::shared_ptr<const std::string> text) {
    if (const auto open = weak.lock()) open->send(std::move(text));
  };
  services.sockets.add({socket, bearer_of(request),
                        std::string(request.cookie(auth::cookie_name(services.config.get()->server.secure_cookies))),
                        request.caller});
  const std::uint64_t handle = services.events.subscribe(std::move(interest), event_id(request), std::move(send));
  http::SocketEvents events;
  // Clients need not say anything; a heartbeat is answered, so that those behind a proxy can tell that it still stands.
  events.message = [weak = std::weak_ptr(socket)](const std::string& text) {
    static const auto kPong = std::make_shared<const std::string>(R"({"type":"heartbeat"})");
    if (const auto open = weak.lock(); open && text.find("heartbeat") != std::string::npos) open->send(kPong);
  };
  events.closed = [&services, handle] { services.events.unsubscribe(handle); };
  return events;
}

}  // namespace qflow::api
