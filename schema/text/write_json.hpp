// JSON text for people and programs: numbers as people write them. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow::schema {

/// Compact JSON. A double is written in the fewest digits that read back as the same double, and always as one: 0.5,
/// 26254.48, 5.0, 1e-07 (Boost.JSON's own serializer writes 5E-1); one that is not finite as null.
std::string write_json(const boost::json::value& value);
/// A double as write_json() writes it.
std::string number_text(double number);

}  // namespace qflow::schema
