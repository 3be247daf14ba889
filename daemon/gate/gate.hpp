// Between the transport and the handlers of every dialect: which route, from which site, who calls, how often; then the
// handler, or a reply that is remembered. Called on the io threads.
#pragma once
#include <span>
#include <string>

#include "daemon/gate/reply_cache.hpp"
#include "daemon/gate/route.hpp"
#include "daemon/gate/sockets.hpp"
#include "daemon/http/router.hpp"
#include "daemon/http/service.hpp"

namespace qflow::gate {

class Gate final : public http::Service {
 public:
  /// Throws Fault for what is wrong with a request before its handler sees it; null: nothing is checked.
  using Check = void (*)(const Route& route, const http::Request& request);
  /// `routes`: of all dialects; they outlive the gate, and so do the services.
  Gate(services::Services& services, std::span<const Route> routes, Check check = nullptr);

  Task<Admission> admit(http::Request& head) override;
  Task<http::Reply> answer(const http::Request& request) override;
  http::SocketEvents open(const http::Request& request, std::shared_ptr<http::Socket> socket) override;
  std::string_view common_headers() const override;
  std::string_view content_policy() const override;
  http::Reply refuse(const Fault& fault) override { return http::Reply::of(fault); }

  /// Closes the WebSockets whose proof has ended, or whose user may see less or more than when they were opened. Runs
  /// until the io_context stops.
  Task<> watch_access();

 private:
  http::Reply preflight(const http::Request& head, const config::Config& config) const;
  void allow_origin(const http::Request& request, http::Reply& reply) const;
  bool count(const http::Request& request, const Route& route, http::Reply& reply);
  Task<http::Reply> call(const Route& route, const http::Request& request);

  services::Services& services_;
  std::span<const Route> routes_;
  Check check_;
  http::Router router_;
  ReplyCache cache_;
  OpenSockets sockets_;
};

}  // namespace qflow::gate
