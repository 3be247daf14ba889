#include "daemon/api/body.hpp"

#include <fmt/format.h>

namespace qflow::api {

const json::value* Body::find(const char* name) const {
  const json::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Body::problem(const std::string& pointer, const std::string& what) {
  if (first_.empty()) first_ = pointer_ + pointer + ": " + what;
  problems_.push_back(json::object{{"pointer", pointer_ + pointer}, {"message", what}});
}

void Body::check() const {
  if (!first_.empty()) throw Fault(FaultKind::bad_input, "invalid_body", first_, {{"problems", problems_}});
}

std::optional<std::string> Body::text(const char* name, std::size_t longest) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string pointer = std::string("/") + name;
  if (!value->is_string()) {
    problem(pointer, "expected a string");
    return std::nullopt;
  }
  if (value->get_string().size() > longest) problem(pointer, fmt::format("longer than {} bytes", longest));
  return std::string(std::string_view(value->get_string()));
}

std::string Body::required(const char* name, std::size_t longest) {
  const bool there = find(name) != nullptr;
  std::string value = text(name, longest).value_or("");
  if (!there || (object_.at(name).is_string() && value.find_first_not_of(" \t\r\n") == std::string::npos))
    problem(std::string("/") + name, "required");
  return value;
}

std::optional<bool> Body::flag(const char* name) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  problem(std::string("/") + name, "expected true or false");
  return std::nullopt;
}

std::optional<double> Body::number(const char* name, double least, double most) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const double number = value->to_number<double>(error);
  if (!error && number >= least && number <= most) return number;
  problem(std::string("/") + name, fmt::format("expected a number from {} to {}", least, most));
  return std::nullopt;
}

const json::object* Body::object(const char* name) {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (value->is_object()) return &value->get_object();
  problem(std::string("/") + name, "expected an object");
  return nullptr;
}

const json::array* Body::array(const char* name) {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (value->is_array()) return &value->get_array();
  problem(std::string("/") + name, "expected a list");
  return nullptr;
}

std::optional<std::vector<std::string>> Body::texts(const char* name) {
  const json::array* list = array(name);
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list->size(); ++i)
    if ((*list)[i].is_string()) texts.emplace_back(std::string_view((*list)[i].get_string()));
    else problem(fmt::format("/{}/{}", name, i), "expected a string");
  return texts;
}

}  // namespace qflow::api
