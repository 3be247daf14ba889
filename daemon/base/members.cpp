#include "daemon/base/members.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"

namespace qflow {
namespace {

constexpr std::size_t kMostProblems = 100;
constexpr std::size_t kMostLooks = 100;  // of unknown members, each compared with all known ones

}  // namespace

void InputProblems::add(std::string pointer, std::string what, std::string code) {
  if (first_.empty()) {
    first_ = pointer + ": " + what;
    first_code_ = code;
  }
  if (list_.size() < kMostProblems)
    list_.push_back(json::object{{"pointer", pointer}, {"message", what}, {"code", code}});
}

void InputProblems::throw_if_any() const {
  if (!first_.empty()) throw Fault(FaultKind::bad_input, first_code_, first_, {{"problems", list_}});
}

std::string Members::at(std::string_view name) const { return fmt::format("{}/{}", pointer_, name); }

const json::value* Members::find(std::string_view name) const {
  if (asked_ != nullptr) asked_->emplace_back(name);
  const json::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Body::check() const {
  std::size_t looks = 0;
  for (const auto& [key, value] : whole()) {
    const std::string name(key);
    if (std::find(asked.begin(), asked.end(), name) != asked.end()) continue;
    if (++looks > kMostLooks) break;  // a body may have a million members
    if (const std::string like = near_member(name, asked); !like.empty())
      problems().add(at(name), fmt::format("there is no such member; did you mean {}?", like));
  }
  problems().throw_if_any();
}

std::optional<std::string> Members::text(std::string_view name, std::size_t longest) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  const json::string* string = value->if_string();
  if (string == nullptr) {
    problems_.add(at(name), "expected a string");
    return std::nullopt;
  }
  if (string->size() > longest) problems_.add(at(name), fmt::format("longer than {} bytes", longest));
  return qflow::text(*string);
}

std::string Members::required(std::string_view name, std::size_t longest) const {
  const json::value* value = find(name);
  std::string written = text(name, longest).value_or("");
  const bool blank = written.find_first_not_of(" \t\r\n") == std::string::npos;
  if (value == nullptr || (value->is_string() && blank)) problems_.add(at(name), "required");
  return written;
}

std::optional<std::string> Members::line(std::string_view name, std::size_t longest) const {
  const auto written = text(name, longest);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (written && std::any_of(written->begin(), written->end(), is_control))
    problems_.add(at(name), "must be one line without control characters");
  return written;
}

std::optional<bool> Members::flag(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = value->if_bool()) return *flag;
  problems_.add(at(name), "expected true or false");
  return std::nullopt;
}

std::optional<double> Members::number(std::string_view name, double least, double most) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const double number = value->to_number<double>(error);
  if (!error && number >= least && number <= most) return number;
  problems_.add(at(name), fmt::format("expected a number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<double> Members::positive(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const double number = value->to_number<double>(error);
  if (!error && number > 0) return number;
  problems_.add(at(name), "expected a number greater than 0");
  return std::nullopt;
}

const json::object* Members::object(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* object = value->if_object()) return object;
  problems_.add(at(name), "expected an object");
  return nullptr;
}

const json::array* Members::array(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* array = value->if_array()) return array;
  problems_.add(at(name), "expected a list");
  return nullptr;
}

std::optional<std::vector<std::string>> Members::texts(std::string_view name) const {
  const json::array* list = array(name);
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list->size(); ++i)
    if (const auto* string = (*list)[i].if_string()) texts.push_back(qflow::text(*string));
    else problems_.add(fmt::format("{}/{}", at(name), i), "expected a string");
  return texts;
}

}  // namespace qflow
