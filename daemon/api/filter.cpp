#include "daemon/api/filter.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::api {

const json::value* Filter::find(const char* name) const {
  const json::value* value = members_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Filter::refuse(const char* name, const std::string& expected) const {
  throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("{}.{}: expected {}", name_, name, expected));
}

std::optional<std::string> Filter::text(const char* name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_array() && value->get_array().size() == 1) value = &value->get_array().front();
  if (!value->is_string()) refuse(name, "a string");
  return std::string(std::string_view(value->get_string()));
}

std::vector<std::string> Filter::texts(const char* name) const {
  const json::value* value = find(name);
  std::vector<std::string> all;
  if (value == nullptr || !value->is_array()) {
    if (auto one = text(name)) all.push_back(std::move(*one));
    return all;
  }
  for (const json::value& one : value->get_array()) {
    if (!one.is_string()) refuse(name, "strings");
    all.emplace_back(std::string_view(one.get_string()));
  }
  return all;
}

std::optional<bool> Filter::flag(const char* name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) refuse(name, "true or false");
  return value->get_bool();
}

std::optional<std::int64_t> Filter::whole(const char* name, std::int64_t least, std::int64_t most) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most)
    refuse(name, fmt::format("a whole number from {} to {}", least, most));
  return value->get_int64();
}

}  // namespace qflow::api
