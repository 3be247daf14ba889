// Reading a request's JSON body member by member: every problem is named by its JSON pointer, and all are told at once.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/message.hpp"

namespace qflow::api {
namespace json = boost::json;

class Body {
 public:
  explicit Body(const http::Request& request) : object_(request.json_object()) {}
  /// A part of a body; `pointer` is where it stands ("/containers").
  explicit Body(json::object object, std::string pointer = {})
      : object_(std::move(object)), pointer_(std::move(pointer)) {}

  /// A text of at most `longest` bytes; nothing when absent or null.
  std::optional<std::string> text(const char* name, std::size_t longest = 1000);
  /// The same, missed when absent or blank.
  std::string required(const char* name, std::size_t longest = 1000);
  std::optional<bool> flag(const char* name);
  std::optional<double> number(const char* name, double least, double most);
  const json::object* object(const char* name);
  const json::array* array(const char* name);
  std::optional<std::vector<std::string>> texts(const char* name);
  bool has(const char* name) const { return object_.contains(name); }
  const json::object& whole() const { return object_; }

  void problem(const std::string& pointer, const std::string& what);
  /// Throws Fault(bad_input) with everything that was wrong.
  void check() const;

 private:
  const json::value* find(const char* name) const;
  json::object object_;
  std::string pointer_;
  std::string first_;
  json::array problems_;
};

}  // namespace qflow::api
