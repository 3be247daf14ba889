// Live events: a numbered stream of small JSON messages, kept for a while so that a client that reconnects misses
// nothing. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace qflow::observe {
namespace json = boost::json;

enum class Channel { executions, workflows, containers };

/// Numbers grow, also across restarts of the daemon (they begin at its start time in microseconds).
struct PublishedEvent {
  std::uint64_t id = 0;
  Channel channel = Channel::executions;
  std::string owner;         ///< the user it belongs to; empty: nobody
  std::string execution_id;  ///< empty unless it concerns an execution
  std::string workflow_id;
  std::shared_ptr<const std::string> text;  ///< shared with the queues of all clients
};

/// Which events a client gets.
struct Interest {
  Channel channel = Channel::executions;
  std::optional<std::string> owner;         ///< only this user's events; nothing: all users'
  std::optional<std::string> execution_id;  ///< only events of this execution; nothing: all
  std::optional<std::string> workflow_id;
  bool matches(const PublishedEvent& event) const;
};

class Events {
 public:
  /// Keeps at most `kept` events, and `kept_bytes` of their texts, for clients that reconnect.
  explicit Events(std::size_t kept = 8192, std::size_t kept_bytes = 16U << 20U);

  /// Numbers, stamps and distributes {"id", "type", "timestamp", ...fields}.
  void publish(Channel channel, const std::string& type, const std::string& owner, json::object fields);

  using Send = std::function<void(std::shared_ptr<const std::string>)>;
  /// Passes to `send` the events after `since` that are still kept, then every later event of this interest; when some
  /// are no longer kept, an event "events.lost" comes first. `send` is called under a lock and must only queue. Returns
  /// a handle.
  std::uint64_t subscribe(Interest interest, std::optional<std::uint64_t> since, Send send);
  void unsubscribe(std::uint64_t handle);
  std::size_t subscribers() const;
  /// Whether anybody has ever subscribed; otherwise a publisher may leave out what is costly.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }

 private:
  struct Subscriber {
    std::uint64_t handle = 0;
    Interest interest;
    Send send;
  };
  void keep(PublishedEvent event);

  mutable std::mutex mutex_;
  std::size_t kept_, kept_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_;
  std::uint64_t first_kept_;
  std::uint64_t next_handle_ = 1;
  std::deque<PublishedEvent> ring_;
  std::vector<Subscriber> subscribers_;
  std::atomic<bool> wanted_{false};
};

}  // namespace qflow::observe
