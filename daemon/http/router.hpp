// Which handler answers which request. One table; each line says who may call. Built once, then read by any thread.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "daemon/async.hpp"
#include "daemon/http/message.hpp"

namespace qflow::http {

/// Who may call a route.
enum class Access { open, token };

struct Route {
  std::string method;
  std::string pattern;  ///< "/workflows/{id}"; literal segments win over named ones
  Access access;
  std::string operation;  ///< stable name, for logs and metrics
  std::function<Task<Reply>(const Request&)> handler;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}
  /// The route for `request`, whose `parameters` it fills. Throws Fault: not_found, or not_allowed with the
  /// methods that are.
  const Route& match(Request& request) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace qflow::http
