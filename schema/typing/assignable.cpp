#include "schema/typing/assignable.hpp"

#include <algorithm>

#include "schema/typing/comparison.hpp"

namespace qflow::schema {

Assignability assignable(const Type& source, const Classes& source_classes, const Type& target,
                         const Classes& target_classes, const Rules& rules, int* budget) {
  const int most = budget == nullptr ? kLooks : std::clamp(*budget, 0, kLooks);
  Comparison comparison(rules, most);
  const bool fits = comparison.fits({source, source_classes}, {target, target_classes});
  if (budget != nullptr) *budget -= most - comparison.left();
  return fits ? Assignability{} : comparison.take();
}

std::string explain(const Type& source, const Type& target, const Assignability& answer) {
  std::string out = text(source) + " → " + text(target);
  if (answer.fits) return out + ": fits";
  for (const std::string& where : answer.path) out += ": " + where;
  return out + ": " + answer.reason;
}

}  // namespace qflow::schema
