// JSON to structs and back, over Boost.Describe, in one place. Every error carries its JSON pointer (RFC 6901).
// Stateless; any thread.
#pragma once
#include <boost/describe.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace qflow::schema {
namespace json = boost::json;

/// A problem in a document: its place (a JSON pointer) and what is wrong.
struct Problem {
  std::string pointer;
  std::string what;
};
using Problems = std::vector<Problem>;

namespace detail {
template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_json =
    std::is_same_v<T, json::value> || std::is_same_v<T, json::object> || std::is_same_v<T, json::array>;
}  // namespace detail

/// The JSON of a value: described structs become objects, absent optionals are left out.
template <class T>
json::value encode(const T& value) {
  if constexpr (detail::is_json<T> || std::is_arithmetic_v<T>) {
    return json::value(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return json::value(json::string(value));
  } else if constexpr (detail::is_optional<T>) {
    return value ? encode(*value) : json::value(nullptr);
  } else if constexpr (detail::is_vector<T>) {
    json::array out;
    out.reserve(value.size());
    for (const auto& element : value) out.push_back(encode(element));
    return json::value(std::move(out));
  } else {
    static_assert(detail::Described<T>, "add BOOST_DESCRIBE_STRUCT for this type");
    json::object out;
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto member) {
      const auto& field = value.*member.pointer;
      if constexpr (detail::is_optional<std::remove_cvref_t<decltype(field)>>) {
        if (!field) return;
      }
      out.emplace(member.name, encode(field));
    });
    return json::value(std::move(out));
  }
}

/// Reads one value; appends mismatches to `problems` with `at` as their pointer. `at` is restored on return.
template <class T>
void decode(const json::value& from, T& out, std::string& at, Problems& problems) {
  const auto fail = [&](const char* what) { problems.push_back({at, what}); };
  if constexpr (std::is_same_v<T, json::value>) {
    out = from;
  } else if constexpr (std::is_same_v<T, json::object>) {
    if (const auto* object = from.if_object()) out = *object;
    else fail("expected an object");
  } else if constexpr (std::is_same_v<T, json::array>) {
    if (const auto* array = from.if_array()) out = *array;
    else fail("expected an array");
  } else if constexpr (std::is_same_v<T, bool>) {
    if (const auto* boolean = from.if_bool()) out = *boolean;
    else fail("expected a boolean");
  } else if constexpr (std::is_arithmetic_v<T>) {
    boost::system::error_code error;
    const T number = from.to_number<T>(error);
    if (error) fail(std::is_integral_v<T> ? "expected an integer in range" : "expected a number");
    else out = number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (const auto* text = from.if_string()) out.assign(text->data(), text->size());
    else fail("expected a string");
  } else if constexpr (detail::is_optional<T>) {
    if (from.is_null()) out.reset();
    else decode(from, out.emplace(), at, problems);
  } else if constexpr (detail::is_vector<T>) {
    const auto* array = from.if_array();
    if (array == nullptr) return fail("expected an array");
    out.clear();
    out.reserve(array->size());
    const std::size_t mark = at.size();
    for (std::size_t i = 0; i < array->size(); ++i) {
      at += '/' + std::to_string(i);
      decode((*array)[i], out.emplace_back(), at, problems);
      at.resize(mark);
    }
  } else {
    static_assert(detail::Described<T>, "add BOOST_DESCRIBE_STRUCT for this type");
    const auto* object = from.if_object();
    if (object == nullptr) return fail("expected an object");
    const std::size_t mark = at.size();
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto member) {
      auto& field = out.*member.pointer;
      at += '/';
      at += member.name;
      if (const auto* found = object->if_contains(member.name)) decode(*found, field, at, problems);
      else if constexpr (!detail::is_optional<std::remove_cvref_t<decltype(field)>>)
        problems.push_back({at, "required"});
      at.resize(mark);
    });
  }
}

/// Reads `from` into `out`; an empty list means that everything fitted. Unknown members are ignored.
template <class T>
Problems decode(const json::value& from, T& out) {
  std::string at;
  Problems problems;
  decode(from, out, at, problems);
  return problems;
}

}  // namespace qflow::schema
