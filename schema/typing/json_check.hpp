// JSON values against JSON Schema 2020-12. Any thread.
#pragma once
#include <algorithm>
#include <cstdint>

#include "schema/text/codec.hpp"

namespace qflow::schema {

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

}  // namespace qflow::schema
