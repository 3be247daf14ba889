// A request and a reply as the rest of the daemon sees them: no Beast. Plain values.
#pragma once
#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/fault.hpp"

namespace qflow::http {
namespace json = boost::json;

struct Request {
  std::string method;                        ///< upper case
  std::string path;                          ///< percent-decoded, without the query
  std::vector<std::string> segments;         ///< of the path, decoded one by one
  std::map<std::string, std::string> query;  ///< decoded; the last of equal names
  std::string authorization;
  std::string body;
  std::string peer;
  std::map<std::string, std::string> parameters;  ///< what the route's {names} matched

  /// The body as JSON. Throws Fault(bad_input) with the reason and the byte; an empty body is an empty object.
  json::value json_body() const;
  /// The same, refused when it is no object.
  json::object json_object() const;
  const std::string& parameter(const std::string& name) const { return parameters.at(name); }
  /// A whole number from the query within [least, most], or `fallback` when absent. Throws Fault(bad_input).
  std::int64_t integer(const std::string& name, std::int64_t fallback, std::int64_t least, std::int64_t most) const;
};

struct Reply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;

  static Reply of(int status, const json::value& value);
  static Reply of(const json::value& value) { return of(200, value); }
  /// The error body of api.md 3.
  static Reply of(const Fault& fault);
};

/// Splits and decodes a request target ("/a%20b?c=d"). Throws Fault(bad_input) for a malformed one.
void read_target(std::string_view target, Request& request);

}  // namespace qflow::http
