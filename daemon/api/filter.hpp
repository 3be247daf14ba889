// A query parameter that is a JSON object, such as `filter` and `options` of lists: its members, read like those of a
// body. An absent member and null are the same; each function throws Fault(invalid_query) for another type than asked.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/message.hpp"

namespace qflow::api {
namespace json = boost::json;

class Filter {
 public:
  /// `name`: of the query parameter. Throws Fault(invalid_query) when it is no JSON object.
  Filter(const http::Request& request, std::string name) : name_(std::move(name)), members_(request.object(name_)) {}

  /// A string, or a list of one, as some clients send it.
  std::optional<std::string> text(const char* name) const;
  /// A list of strings, or one string; empty when absent.
  std::vector<std::string> texts(const char* name) const;
  std::optional<bool> flag(const char* name) const;
  std::optional<std::int64_t> whole(const char* name, std::int64_t least, std::int64_t most) const;

 private:
  const json::value* find(const char* name) const;
  [[noreturn]] void refuse(const char* name, const std::string& expected) const;
  std::string name_;
  json::object members_;
};

}  // namespace qflow::api
