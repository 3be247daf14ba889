// JSON Schema 2020-12 for types, to build forms from. Any thread.
#pragma once
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

}  // namespace qflow::schema
