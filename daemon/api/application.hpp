// The gate between transport and handlers: which route, from where, who, how often; then the handler, or what it has
// answered before. Called on the io threads.
#pragma once
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "daemon/api/services.hpp"
#include "daemon/api/table.hpp"
#include "daemon/http/application.hpp"
#include "daemon/http/router.hpp"

namespace qflow::api {

/// Replies to reads, kept until what they follow from changes. Bounded; any thread.
class ReplyCache {
 public:
  struct Entry {
    std::shared_ptr<const std::string> body;  // shared with the replies that send it
    std::uint64_t generation = 0;
    Clock::time_point until;
  };
  std::shared_ptr<const std::string> find(const std::string& key, std::uint64_t generation);
  void put(const std::string& key, std::shared_ptr<const std::string> body, std::uint64_t generation);

 private:
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, Entry> entries_;
};

class Application final : public http::Application {
 public:
  explicit Application(Services& services);

  Task<Admission> admit(Request& head) override;
  Task<Reply> answer(const Request& request) override;
  http::SocketEvents open(const Request& request, std::shared_ptr<http::Socket> socket) override;
  std::string_view common_headers() const override;
  Reply refuse(const Fault& fault) override { return Reply::of(fault); }

 private:
  void check_host(const Request& head) const;
  void check_origin(const Request& head, const config::Config& config) const;
  void check_access(const Request& head, const Route& route) const;
  Reply preflight(const Request& head, const config::Config& config) const;
  std::string cache_key(const Request& request, const Route& route) const;
  void allow_origin(const Request& request, Reply& reply) const;
  void count(const Request& request, Reply& reply, bool& refused);
  Task<Reply> call(const Route& route, const Request& request);

  Services& services_;
  http::Router router_;
  ReplyCache cache_;
};

/// Whether the Host header's name is one of ours: an address, localhost, the listening host, or one of `hosts`.
bool is_our_host(std::string_view header, const config::Server& server);

}  // namespace qflow::api
