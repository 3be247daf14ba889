// JSON for people. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow {

/// Short values on one line, others indented.
std::string indented(const boost::json::value& value, std::size_t indent = 0);

}  // namespace qflow
