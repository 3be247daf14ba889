// Reading a JSON object member by member, with every problem named by its JSON pointer. Any thread.
#pragma once
#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "daemon/fault.hpp"

namespace qflow::engine {
namespace json = boost::json;

inline std::string text(const json::string& value) { return {value.data(), value.size()}; }

/// Collects what is wrong, each with the JSON pointer of where.
class Problems {
 public:
  void add(std::string pointer, std::string what, std::string code = "invalid_workflow") {
    if (list_.size() < 100) list_.push_back(json::object{{"pointer", pointer}, {"message", what}, {"code", code}});
    if (first_.empty()) {
      first_ = pointer + ": " + what;
      code_ = std::move(code);
    }
  }
  const json::array& list() const { return list_; }
  void throw_if_any() {
    if (!first_.empty()) throw Fault(FaultKind::bad_input, code_, first_, {{"problems", std::move(list_)}});
  }

 private:
  json::array list_;
  std::string first_, code_;
};

/// Reads members of one object; what has another type than asked for is a problem, not a value.
class Members {
 public:
  Members(const json::object& object, std::string pointer, Problems& problems)
      : object_(object), pointer_(std::move(pointer)), problems_(problems) {}

  const json::value* find(const char* name) const {
    const json::value* value = object_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::optional<std::string> string(const char* name) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* s = value->if_string()) return text(*s);
    problems_.add(at(name), "expected a string");
    return std::nullopt;
  }
  std::optional<double> positive(const char* name) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    boost::system::error_code error;
    const double number = value->to_number<double>(error);
    if (!error && number > 0) return number;
    problems_.add(at(name), "expected a number greater than 0");
    return std::nullopt;
  }
  bool flag(const char* name) const {
    const json::value* value = find(name);
    if (value == nullptr) return false;
    if (const auto* b = value->if_bool()) return *b;
    problems_.add(at(name), "expected true or false");
    return false;
  }
  const json::object* object(const char* name) const {
    const json::value* value = find(name);
    if (value == nullptr) return nullptr;
    if (const auto* o = value->if_object()) return o;
    problems_.add(at(name), "expected an object");
    return nullptr;
  }
  const json::object& whole() const { return object_; }
  std::string at(std::string_view name) const { return fmt::format("{}/{}", pointer_, name); }
  Problems& problems() const { return problems_; }

 private:
  const json::object& object_;
  std::string pointer_;
  Problems& problems_;
};

}  // namespace qflow::engine
