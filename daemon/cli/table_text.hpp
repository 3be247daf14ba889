// Tables for a terminal. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>

namespace qflow::cli {

/// A DataFrame or Series, as a preview has it (schema/types.md 7), as lines of aligned columns: shape, header with the
/// types, at most 20 rows. Nothing for any other value.
std::optional<std::string> table_text(const boost::json::value& value);

}  // namespace qflow::cli
