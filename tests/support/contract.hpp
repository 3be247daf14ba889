// Holds answers against schema/openapi.yaml, as the server itself gives it out: JSON Schema 2020-12, as far as that
// file uses it.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow::test {

class Contract {
 public:
  /// `description`: the text of /openapi.json.
  explicit Contract(const std::string& description);
  /// What is wrong with an answer; empty when nothing is. A path that is not described is refused with 404 or 405.
  std::string check(const std::string& method, const std::string& target, int status, const std::string& content_type,
                    const std::string& body) const;

 private:
  const boost::json::object* operation(const std::string& method, const std::string& target, bool& path_known) const;
  const boost::json::value& resolve(const boost::json::value& value) const;
  std::string problem(const boost::json::value& schema, const boost::json::value& value, const std::string& at) const;
  std::string object_problem(const boost::json::object& schema, const boost::json::object& value,
                             const std::string& at) const;
  boost::json::value document_;
};

}  // namespace qflow::test
