// Checks answers against schema/openapi.yaml as the server itself serves it: JSON Schema 2020-12, as far as that file
// uses it.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow::test {

class Contract {
 public:
  /// `description`: the text of /openapi.json.
  explicit Contract(const std::string& description);
  /// The problem with an answer; empty if there is none. A request that is not described must be refused with 400, 403,
  /// 404 or (another method of a described path) 405; OPTIONS may be answered with 204.
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
