// JSON Schema 2020-12 for types, to build forms from, and the check of JSON values against a schema. Any thread.
#pragma once
#include <algorithm>
#include <cstdint>

#include "schema/text/codec.hpp"
#include "schema/typing/hierarchy.hpp"

namespace qflow::schema {

/// Makes schemas that share one set of `$defs`, which has one definition for each class mentioned.
class SchemaWriter {
 public:
  explicit SchemaWriter(const Classes& classes) : classes_(classes) {}
  /// The schema of one type; classes are references into definitions().
  json::object schema_of(const Type& type);
  /// `root` with "$schema" and the definitions collected so far.
  json::object finish(json::object root) const;
  /// How many parts of types it has written.
  int parts() const { return kMostParts - budget_; }

 private:
  json::object write(const Type& type);
  std::string new_name(const std::string& class_name);
  json::object of_class(const Type& type);
  json::object definition_of(const Type& type, const ClassInfo& info);
  json::object collection(const char* type, const Type& from, std::size_t index);
  const Classes& classes_;
  std::map<std::string, std::string, std::less<>> names_;  ///< text of the type → its name in $defs
  json::object definitions_;
  static constexpr int kMostParts = 5000;
  int budget_ =
      kMostParts;  ///< parts still to be written: a generic class may mention itself with ever larger arguments
  int looks_ = 4 * kLooks;  ///< parts of types that may be visited for the fields of all classes together
  std::map<std::string, int, std::less<>> used_names_;  ///< a class's short name → how many classes have it
  int depth_ = 0;
};

/// What checks of one document may cost together, a fifth of a second at most: each rule, match, look-up and comparison
/// counts, the longer its texts the more.
class CheckBudget {
 public:
  explicit CheckBudget(std::int64_t steps = 200'000) : left_(steps) {}
  /// Takes `steps`; false when there are not enough left, now and from then on.
  bool spend(std::size_t steps = 1) {
    left_ -= static_cast<std::int64_t>(std::min<std::size_t>(steps, 1U << 30U));
    if (left_ < 0) left_ = -1;
    return left_ >= 0;
  }
  bool is_exhausted() const { return left_ < 0; }

 private:
  std::int64_t left_;
};

/// Where `value` does not fit `schema`, with JSON pointers below `at`; at most 20 problems. Supports the keywords that
/// SchemaWriter and pydantic write and the usual ones of hand-written schemas; others are ignored, as the specification
/// asks. Patterns have RE2's syntax; a pattern that RE2 cannot read is ignored.
/// Once `budget` is used up, everything that was not looked at counts as fitting: ask budget.is_exhausted().
Problems check_json(const json::value& value, const json::object& schema, CheckBudget& budget, std::string at = {});
/// The same with a budget of its own.
Problems check_json(const json::value& value, const json::object& schema, std::string at = {});

/// Problems in a schema that a user wrote: a keyword with a value of the wrong kind, a reference to nothing.
Problems check_schema(const json::object& schema);

}  // namespace qflow::schema
