// Finds the line of the route table for a request. A tree over the path's segments, built once; any thread may read it.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "daemon/http/endpoint.hpp"
#include "daemon/http/message.hpp"

namespace qflow::http {

class Router {
 public:
  Router();
  ~Router();
  /// Adds the next line; its index is the number of lines before it.
  void add(const Endpoint& endpoint);
  /// Finds the line for `request` and fills its `route` and `parameters`. Throws Fault: not_found, or not_allowed with
  /// the allowed methods.
  void match(Request& request) const;
  /// The methods of a path, for OPTIONS: "GET, POST"; empty when there is no such path.
  std::string methods(const Request& request) const;

 private:
  struct Node;
  const Node* find(const Node& at, const std::vector<std::string>& segments, std::size_t index) const;
  const Node* leaf(const Request& request) const;
  std::unique_ptr<Node> root_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace qflow::http
