// The daemon's one exception type: a message for people about what went wrong, with what an HTTP reply or an exit
// status needs. Caught once per request or job, and where an outcome is made of it. Plain value; any thread.
#pragma once
#include <boost/json/object.hpp>

#include <exception>
#include <string>
#include <utility>

namespace qflow {
namespace json = boost::json;

/// The kind of failure; each maps to one HTTP status and one exit status.
enum class FaultKind {
  bad_input,
  unauthorized,
  forbidden,
  not_found,
  not_allowed,
  conflict,
  too_large,
  unprocessable,
  unavailable,
  not_implemented,
  too_many,
  no_space,
  timeout,
  internal
};

/// HTTP status of a kind (daemon/http/README.md, "Errors").
constexpr int http_status(FaultKind kind) {
  switch (kind) {
    case FaultKind::bad_input:
      return 400;
    case FaultKind::unauthorized:
      return 401;
    case FaultKind::forbidden:
      return 403;
    case FaultKind::not_allowed:
      return 405;
    case FaultKind::not_found:
      return 404;
    case FaultKind::conflict:
      return 409;
    case FaultKind::too_large:
      return 413;
    case FaultKind::unprocessable:
      return 422;
    case FaultKind::unavailable:
      return 503;
    case FaultKind::not_implemented:
      return 501;
    case FaultKind::too_many:
      return 429;
    case FaultKind::no_space:
      return 507;
    case FaultKind::timeout:
      return 504;
    case FaultKind::internal:
      return 500;
  }
  return 500;
}

class Fault : public std::exception {
 public:
  /// `code`: a stable word for programs ("missing_node"); `message`: a sentence that says what to do about it.
  Fault(FaultKind fault_kind, std::string fault_code, std::string fault_message, boost::json::object fault_details = {})
      : kind(fault_kind),
        code(std::move(fault_code)),
        message(std::move(fault_message)),
        details(std::move(fault_details)) {}
  const char* what() const noexcept override { return message.c_str(); }
  FaultKind kind;
  std::string code;
  std::string message;
  boost::json::object details;
};

}  // namespace qflow
