#include "daemon/observe/events.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "daemon/base/time.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::observe {
namespace {
std::string text_of(const json::object& fields, const char* name) {
  const json::value* value = fields.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string();
}
std::shared_ptr<const std::string> written(std::uint64_t id, const std::string& type, json::object fields) {
  json::object out{{"id", id}, {"type", type}, {"timestamp", iso_time(now_us())}};
  for (auto& [key, value] : fields) out[key] = std::move(value);
  return std::make_shared<const std::string>(schema::write_json(out));
}
}  // namespace

bool Interest::matches(const PublishedEvent& event) const {
  return event.channel == channel && (!owner || event.owner == *owner) &&
         (!execution_id || event.execution_id == *execution_id) && (!workflow_id || event.workflow_id == *workflow_id);
}

Events::Events(std::size_t kept, std::size_t kept_bytes)
    : kept_(kept), kept_bytes_(kept_bytes), next_(static_cast<std::uint64_t>(now_us())), first_kept_(next_) {}

void Events::keep(PublishedEvent event) {
  bytes_ += event.text->size();
  ring_.push_back(std::move(event));
  while (ring_.size() > kept_ || bytes_ > kept_bytes_) {
    bytes_ -= ring_.front().text->size();
    first_kept_ = ring_.front().id + 1;
    ring_.pop_front();
  }
}

void Events::publish(Channel channel, const std::string& type, const std::string& owner, json::object fields) {
  const std::lock_guard lock(mutex_);
  PublishedEvent event;
  event.id = next_++;
  // Before the first subscriber, no client has a number to resume from.
  if (!wanted()) {
    first_kept_ = next_;
    return;
  }
  event.channel = channel;
  event.owner = owner;
  event.execution_id = text_of(fields, "executionId");
  event.workflow_id = text_of(fields, "workflowId");
  event.text = written(event.id, type, std::move(fields));
  for (const Subscriber& subscriber : subscribers_)
    if (subscriber.interest.matches(event)) subscriber.send(event.text);
  keep(std::move(event));
}

std::uint64_t Events::subscribe(Interest interest, std::optional<std::uint64_t> since, Send send) {
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  if (since) {
    // Also an id that is still to come: the clock went back, or the data directory is another one.
    if (*since + 1 < first_kept_ || *since >= next_)
      send(written(*since, "events.lost",
                   {{"message", "events after this id are no longer kept; read the current state again"},
                    {"oldest", first_kept_}}));
    for (const PublishedEvent& event : ring_)
      if (event.id > *since && interest.matches(event)) send(event.text);
  }
  subscribers_.push_back({next_handle_, std::move(interest), std::move(send)});
  return next_handle_++;
}

void Events::unsubscribe(std::uint64_t handle) {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [&](const Subscriber& subscriber) { return subscriber.handle == handle; });
}

std::size_t Events::subscribers() const {
  const std::lock_guard lock(mutex_);
  return subscribers_.size();
}

}  // namespace qflow::observe
