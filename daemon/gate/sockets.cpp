#include "daemon/gate/sockets.hpp"

#include <algorithm>
#include <charconv>

namespace qflow::gate {
namespace {

std::optional<std::uint64_t> event_id(const http::Request& request) {
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

std::size_t OpenSockets::count(const std::string& user_id) {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& one) {
    return !one.socket.expired() && one.caller->user_id == user_id;
  }));
}

std::vector<OpenSockets::Entry> OpenSockets::all() {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([](const Entry& one) { return one.socket.expired(); });
  return {entries_.begin(), entries_.end()};
}

std::string bearer_of(const http::Request& request) {
  const std::string_view header = request.header("authorization");
  const auto token = request.text("token");
  return header.empty() && token ? "Bearer " + *token : std::string(header);
}

http::SocketEvents open_socket(services::Services& services, OpenSockets& sockets, const http::Request& request,
                               std::shared_ptr<http::Socket> socket) {
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
  sockets.add({socket, bearer_of(request),
               std::string(request.cookie(auth::cookie_name(services.config.get()->server.secure_cookies))),
               request.caller});
  const std::uint64_t handle = services.events.subscribe(std::move(interest), event_id(request), std::move(send));
  http::SocketEvents events;
  // Clients need not send anything. A heartbeat is answered, so that clients behind a proxy can tell that the socket is
  // still open.
  events.message = [weak = std::weak_ptr(socket)](const std::string& text) {
    static const auto kPong = std::make_shared<const std::string>(R"({"type":"heartbeat"})");
    if (const auto open = weak.lock(); open && text.find("heartbeat") != std::string::npos) open->send(kPong);
  };
  events.closed = [&services, handle] { services.events.unsubscribe(handle); };
  return events;
}

}  // namespace qflow::gate
