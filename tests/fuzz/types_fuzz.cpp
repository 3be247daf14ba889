// Types: descriptions of code from a worker, type expressions and JSON Schemas from clients, and everything done with
// them. For any input the work ends and nothing breaks.
#include <cstdlib>

#include "schema/description.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/typing/assignable.hpp"
#include "schema/typing/documented_name.hpp"
#include "schema/typing/hierarchy.hpp"
#include "schema/typing/json_check.hpp"
#include "schema/typing/json_schema.hpp"
#include "schema/typing/parse.hpp"
#include "schema/typing/schema_check.hpp"

using namespace qflow::schema;

namespace {

void use(const Type& type, const Classes& classes) {
  static const Classes kNone;
  static const Type kTargets[] = {parse_type("list[int]").type, parse_type("Mapping[str, Any]").type,
                                  parse_type("int | None").type};
  documented(type, classes);
  for (const Type& target : kTargets) {
    explain(type, target, assignable(type, classes, target, kNone));
    assignable(target, kNone, type, classes, Rules::typing());
  }
  assignable(type, classes, type, classes);
  SchemaWriter writer(classes);
  const json::object schema = writer.finish(writer.schema_of(type));
  check_json(json::value(json::array{1, "a", nullptr}), schema);
  if (text(type_from_json(to_json(type))).size() > (64U << 20U)) std::abort();
}

void use(const NodeDescription& description) {
  int used = 0;
  for (const auto& function : description.functions) {
    use(function.output.type, description.classes);
    for (const auto& port : function.inputs)
      if (++used < 50) use(port.type, description.classes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 16384) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string error;
  switch (data[0] % 4) {
    case 0: {
      const ParsedType parsed = parse_type(input);
      if (parsed.error.empty()) {
        use(parsed.type, {});
        if (!(type_from_json(to_json(parsed.type)) == parsed.type) && text(parsed.type).size() < 1000) std::abort();
      }
      break;
    }
    case 1: {
      NodeDescription description;
      if (take_analysed(input, description)) {
        use(description);
        description_from_json(to_json(description));
      }
      break;
    }
    case 2: {
      const json::value value = parse_json(input, error, 64);
      if (error.empty()) use(description_from_json(value));
      break;
    }
    default: {
      const json::value value = parse_json(input, error, 64);
      if (!value.is_object()) break;
      const json::object& both = value.get_object();
      const json::value* schema = both.if_contains("schema");
      const json::value* instance = both.if_contains("value");
      if (schema == nullptr || !schema->is_object()) break;
      check_schema(schema->get_object());
      check_json(instance == nullptr ? value : *instance, schema->get_object());
    }
  }
  return 0;
}
