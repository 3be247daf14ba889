// JSON Schema of types against an independent implementation.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "schema/typing/hierarchy.hpp"
#include "schema/typing/json_check.hpp"
#include "schema/typing/json_schema.hpp"
#include "schema/typing/parse.hpp"
#include "schema/typing/schema_check.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/schema/typing/parsed.hpp"

using namespace qflow::schema;
using qflow::test::parsed;

TEST_CASE("JSON Schema: we and python3-jsonschema agree on the same values") {
  Classes classes;
  ClassInfo& point = classes["nodes.x.Point"];
  point.form = ClassInfo::Form::dataclass;
  Field x, next;
  x.name = "x";
  x.type = Type::of("int");
  next.name = "next";
  next.type = Type::either({Type::of("nodes.x.Point"), Type::none()});
  next.required = false;
  point.fields = {x, next};
  ClassInfo& color = classes["nodes.x.Color"];
  color.form = ClassInfo::Form::enumeration;
  color.members = {{"RED", "red"}, {"TWO", 2}};
  boost::json::array schemas, values, verdicts;
  for (const char* written : {"int",
                              "float",
                              "str",
                              "bool",
                              "None",
                              "list[int]",
                              "dict[str, int]",
                              "tuple[int, str]",
                              "tuple[int, ...]",
                              "set[int]",
                              "int | None",
                              "int | str",
                              "Literal['a', 1, None]",
                              "Annotated[int, Ge(0), Lt(10), MultipleOf(2)]",
                              "Annotated[str, Len(1, 3)]",
                              "Annotated[str, Field(pattern='^a.c$')]",
                              "Annotated[list[str], MaxLen(2)]",
                              "dict[int, list[bool]]",
                              "Optional[list[Optional[int]]]",
                              "Any",
                              "NoReturn"}) {
    SchemaWriter writer(classes);
    schemas.push_back(writer.finish(writer.schema_of(parsed(written))));
  }
  for (const char* name : {"nodes.x.Point", "nodes.x.Color"}) {
    SchemaWriter writer(classes);
    schemas.push_back(writer.finish(writer.schema_of(Type::of(name))));
  }
  for (const char* by_hand :
       {R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})",
        R"({"allOf": [{"type": "object"}, {"required": ["x"]}]})", R"({"not": {"type": "string"}})",
        R"({"type": "object", "properties": {"x": true}, "additionalProperties": {"type": "null"}})",
        R"({"type": ["array", "null"], "items": {"enum": [1, "a", null]}, "uniqueItems": true, "minItems": 1})",
        R"({"const": {"x": [1]}})", R"({"minProperties": 1, "maxProperties": 1})", R"({"multipleOf": 0.5})",
        R"({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false})"})
    schemas.push_back(boost::json::parse(by_hand));
  for (const char* value : {"0",
                            "1",
                            "2",
                            "-1",
                            "10",
                            "11",
                            "1.5",
                            "1.0",
                            "0.3",
                            "\"\"",
                            "\"a\"",
                            "\"abc\"",
                            "\"abcd\"",
                            "\"äöü\"",
                            "\"red\"",
                            "true",
                            "false",
                            "null",
                            "[]",
                            "[1]",
                            "[1, 2]",
                            "[1, 1]",
                            "[1, \"a\"]",
                            "[1, \"a\", 2]",
                            "[\"a\"]",
                            "[\"a\", \"b\", \"c\"]",
                            "[null]",
                            "[true]",
                            "{}",
                            "{\"a\": 1}",
                            "{\"a\": \"b\"}",
                            "{\"1\": [true]}",
                            "{\"x\": 1}",
                            "{\"x\": [1]}",
                            "{\"x\": \"1\"}",
                            "{\"x\": 1, \"next\": {\"x\": 2}}",
                            "{\"x\": 1, \"next\": {\"x\": \"2\"}}",
                            "{\"x\": 1, \"next\": null}",
                            "{\"x\": 1, \"y\": 2}",
                            "{\"x1\": 1}",
                            "{\"y\": null}"})
    values.push_back(boost::json::parse(value));
  for (const auto& schema : schemas)
    for (const auto& value : values) verdicts.push_back(check_json(value, schema.as_object()).empty());
  const qflow::test::TempDir directory;
  const std::string file = directory.path() + "/cases.json";
  std::ofstream(file) << boost::json::serialize(
      boost::json::object{{"schemas", schemas}, {"values", values}, {"verdicts", verdicts}});
  const auto done = qflow::test::run({"/usr/bin/python3", "-c", R"(
import json, sys, jsonschema
cases = json.load(open(sys.argv[1]))
verdicts, wrong = iter(cases["verdicts"]), 0
for schema in cases["schemas"]:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for value in cases["values"]:
        ours = next(verdicts)
        if validator.is_valid(value) != ours:
            wrong += 1
            print("we say", ours, "of", json.dumps(value), "and", json.dumps(schema))
sys.exit(1 if wrong else 0)
)",
                                      file});
  INFO(done.out << done.err);
  CHECK(done.code == 0);
}

TEST_CASE("the work of one check is bounded: patterns, required members, enumerations, unique items") {
  using boost::json::array;
  using boost::json::object;
  object members, patterns;
  array names, choices;
  for (int i = 0; i < 4000; ++i) {
    members["key" + std::to_string(i)] = i;
    patterns["^k.*y" + std::to_string(i) + "$"] = object{{"type", "integer"}};
    names.push_back(boost::json::value("other" + std::to_string(i)));
    choices.push_back(boost::json::value(array{i, "x"}));
  }
  const object many{{"patternProperties", patterns}};
  CheckBudget budget;
  CHECK(check_json(members, many, budget).empty());
  CHECK(budget.is_exhausted());
  CheckBudget second;
  check_json(array(1000, boost::json::value(members)), object{{"items", object{{"required", names}}}}, second);
  CHECK(second.is_exhausted());
  CheckBudget third;
  check_json(array(1000, boost::json::value("a")), object{{"items", object{{"enum", choices}}}}, third);
  CHECK(third.is_exhausted());
  // One budget serves several checks, and what fits into it is checked as before.
  CheckBudget shared(1000);
  CHECK(check_json(1, object{{"type", "string"}}, shared).size() == 1);
  CHECK_FALSE(shared.is_exhausted());
  check_json(members, many, shared);
  CHECK(check_json(1, object{{"type", "string"}}, shared).empty());
}
