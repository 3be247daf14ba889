// A request and a reply as the rest of the daemon sees them: no Beast. Plain values.
#pragma once
#include <boost/json/value.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/auth/caller.hpp"
#include "daemon/base/byte_budget.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/presence.hpp"

namespace qflow::http {
namespace json = boost::json;

struct Request {
  std::string method;                                           ///< upper case; GET for HEAD
  bool head = false;                                            ///< the method was HEAD
  std::string path;                                             ///< percent-decoded, without the query
  std::string target;                                           ///< as it was sent
  std::vector<std::string> segments;                            ///< of the path, each decoded
  std::map<std::string, std::string> query;                     ///< decoded; the last of equal names
  std::vector<std::pair<std::string, std::string>> query_list;  ///< decoded; all, in their order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;                                               ///< the client's address
  std::map<std::string, std::string> parameters;                  ///< what the route's {names} matched
  std::vector<std::pair<std::string, std::string>> rate_headers;  ///< the rate limiter's headers for the reply
  std::size_t route = 0;                                          ///< its index in the route table
  std::shared_ptr<const auth::Caller>
      caller;                    ///< shared with the table of known callers; set when the request is admitted
  Presence* presence = nullptr;  ///< of the client, while the request is answered; null: nobody can tell

  /// A header's value by its name in any case; empty when absent.
  std::string_view header(std::string_view name) const;
  /// A cookie's value; empty when absent.
  std::string_view cookie(std::string_view name) const;
  /// The body as JSON. Throws Fault(bad_input) with the reason and the byte; an empty body is an empty object.
  json::value json_body() const;
  /// The body as a JSON object. Throws Fault(bad_input) also when it is not an object.
  json::object json_object() const;
  const std::string& parameter(const std::string& name) const { return parameters.at(name); }
  /// A text from the query; nothing when absent or empty.
  std::optional<std::string> text(const std::string& name) const;
  /// A whole number from the query within [least, most], or `fallback` when absent. Throws Fault(bad_input).
  std::int64_t integer(const std::string& name, std::int64_t fallback, std::int64_t least, std::int64_t most) const;
  /// true, false, 1, 0 from the query. Throws Fault(bad_input).
  std::optional<bool> flag(const std::string& name) const;
  /// A JSON object from the query ("filter={...}"); empty when absent. Throws Fault(bad_input).
  json::object object(const std::string& name) const;
};

/// Part of a file that is sent as the body.
struct FilePart {
  std::string path;
  std::uint64_t offset = 0, size = 0;
};

struct Reply {
  int status = 200;
  std::string body;
  std::shared_ptr<const std::string> shared_body;  ///< instead of `body`: a body that several replies share
  std::optional<FilePart> file;                    ///< instead of both
  std::string content_type = "application/json";
  std::string_view content_policy;  ///< instead of Service::content_policy(), for a page; lives as long as the program
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<ByteBudget::Hold> room;  ///< for a large body, held until it is sent; null: none is needed

  static Reply of(int status, const json::value& value);
  static Reply of(const json::value& value) { return of(200, value); }
  static Reply success() { return of(200, json::object{{"success", true}}); }
  /// The error body (README.md, "Errors").
  static Reply of(const Fault& fault);
};

/// Splits and decodes a request target ("/a%20b?c=d"). Throws Fault(bad_input) for a malformed one.
void read_target(std::string_view target, Request& request);
/// Percent-encodes what may not appear in a path segment or in a quoted name in a header.
std::string percent_encoded(std::string_view text);

}  // namespace qflow::http
