// Reading a JSON object member by member: every problem is named by its JSON pointer, and all are reported at once. Any
// thread; one reader belongs to one thread.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qflow {
namespace json = boost::json;

/// Everything that is wrong with one document. Keeps the first 100 problems.
class InputProblems {
 public:
  /// `code`: the error code of problems that have none of their own ("invalid_workflow").
  explicit InputProblems(std::string code) : default_code_(std::move(code)) {}
  void add(std::string pointer, std::string what) { add(std::move(pointer), std::move(what), default_code_); }
  void add(std::string pointer, std::string what, std::string code);
  /// Each {pointer, message, code}, in the order in which they were found.
  const json::array& list() const { return list_; }
  /// Throws Fault(bad_input) when there is a problem: its message and code are the first one's, `details.problems`
  /// holds all of them.
  void throw_if_any() const;

 private:
  std::string default_code_;
  json::array list_;
  std::string first_, first_code_;
};

/// Reads members of one object. An absent member and null are the same; a member of another type than asked for is a
/// problem and reads as absent. Refers to the object and to the problems, which outlive it.
class Members {
 public:
  /// `pointer`: where the object stands in its document; empty: it is the document.
  /// `asked`: gets the name of each member that is read; null: none are kept.
  Members(const json::object& object, std::string pointer, InputProblems& problems,
          std::vector<std::string>* asked = nullptr)
      : object_(object), pointer_(std::move(pointer)), problems_(problems), asked_(asked) {}

  /// The member's value; null when it is absent or null.
  const json::value* find(std::string_view name) const;
  /// A string; one of more than `longest` bytes is returned and is a problem.
  std::optional<std::string> text(std::string_view name, std::size_t longest = std::string::npos) const;
  /// The same, and a problem when it is absent or blank.
  std::string required(std::string_view name, std::size_t longest = std::string::npos) const;
  /// A text on one line, without control characters: it will be shown in lists.
  std::optional<std::string> line(std::string_view name, std::size_t longest) const;
  std::optional<bool> flag(std::string_view name) const;
  /// A number from `least` to `most`.
  std::optional<double> number(std::string_view name, double least, double most) const;
  /// A number greater than 0.
  std::optional<double> positive(std::string_view name) const;
  const json::object* object(std::string_view name) const;
  const json::array* array(std::string_view name) const;
  /// A list of strings; each element that is not a string is a problem.
  std::optional<std::vector<std::string>> texts(std::string_view name) const;
  /// Whether the member is there, even if null.
  bool has(std::string_view name) const {
    if (asked_ != nullptr) asked_->emplace_back(name);
    return object_.contains(name);
  }

  const json::object& whole() const { return object_; }
  /// The pointer of a member.
  std::string at(std::string_view name) const;
  const std::string& pointer() const { return pointer_; }
  InputProblems& problems() const { return problems_; }

 private:
  const json::object& object_;
  std::string pointer_;
  InputProblems& problems_;
  std::vector<std::string>* asked_;
};

/// A string's text.
inline std::string text(const json::string& value) { return {value.data(), value.size()}; }

/// What a Body owns; a base of its own so that it is there before the Members that refer to it.
struct BodyContents {
  json::object contents;
  InputProblems found{"invalid_body"};
  std::vector<std::string> asked;
};

/// The JSON object of a request, or a part of one, with its problems: read all members, then check().
class Body : private BodyContents, public Members {
 public:
  /// `pointer`: where the object stands in the request's body ("/containers"); empty: it is the body.
  explicit Body(json::object object, std::string pointer = {})
      : BodyContents{std::move(object)}, Members(contents, std::move(pointer), found, &asked) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  /// As Members::text() and required(), of at most 1,000 bytes unless more is allowed.
  std::optional<std::string> text(std::string_view name, std::size_t longest = 1000) const {
    return Members::text(name, longest);
  }
  std::string required(std::string_view name, std::size_t longest = 1000) const {
    return Members::required(name, longest);
  }
  /// `where`: a pointer within this object ("/packages/0").
  void problem(const std::string& where, std::string what) const { problems().add(pointer() + where, std::move(what)); }
  /// Throws Fault(bad_input) with all problems, if there are any. A member that is nearly one that was read is one.
  void check() const;
};

}  // namespace qflow
