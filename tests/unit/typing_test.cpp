// Types as data: parsed, written, bounded; JSON Schema beside an implementation that is not ours.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "daemon/cli/flow_file.hpp"
#include "schema/description.hpp"
#include "schema/typing/assignable.hpp"
#include "schema/typing/documented.hpp"
#include "schema/typing/hierarchy.hpp"
#include "schema/typing/json_schema.hpp"
#include "schema/typing/parse.hpp"
#include "tests/support/process.hpp"

using namespace qflow::schema;

namespace {

Type parsed(const char* written) {
  const ParsedType out = parse_type(written);
  INFO(written << ": " << out.error);
  CHECK(out.error.empty());
  return out.type;
}

}  // namespace

TEST_CASE("types are read and written as Python writes them") {
  for (const char* same : {"int", "list[int]", "dict[str, list[float]]", "int | None", "tuple[int, str]",
                           "tuple[int, ...]", "tuple[()]", "Literal['a', 1, True, None]", "Callable[[int, str], bool]",
                           "Callable[..., Any]", "Sequence[int]", "numpy.ndarray", "deque[int]"}) {
    CHECK(text(parsed(same)) == same);
    CHECK(type_from_json(to_json(parsed(same))) == parsed(same));
  }
  for (const auto& [written, shown] : {std::pair{"Optional[int]", "int | None"},
                                       {"typing.List[int]", "list[int]"},
                                       {"Union[int, Union[str, int]]", "int | str"},
                                       {"'list[\"int\"]'", "list[int]"},
                                       {"t.Dict[str, t.Any]", "dict[str, Any]"},
                                       {"np.ndarray", "numpy.ndarray"},
                                       {"Annotated[int, Ge(0), \"note, [x\"]", "int"},
                                       {"Final[int]", "int"},
                                       {"(int)", "int"}})
    CHECK(text(parsed(written)) == shown);
  for (const auto& [wrong, said] : {std::pair{"list[", "expected the name of a type"},
                                    {"int]", "unexpected text"},
                                    {"", "expected the name"},
                                    {"Literal[x]", "expected a string, a whole number"},
                                    {"list[int", "expected , or ]"},
                                    {"'int", "a string without its end"},
                                    {"Literal[]", "Literal without a value"}}) {
    INFO(wrong);
    CHECK(parse_type(wrong).error.find(said) == 0);
  }
  CHECK(parse_type(std::string(20'000, 'x')).error.find("longer than") == 0);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "list[";
  CHECK(parse_type(deep + "int" + std::string(100, ']')).error.find("nested deeper") == 0);
  const Type limited = parsed("Annotated[int, Ge(0), Field(lt=10)]");
  CHECK(limited.limits.at("minimum") == 0);
  CHECK(limited.limits.at("exclusiveMaximum") == 10);
  CHECK(parsed("Annotated[str, Len(1, 3)]").limits.at("maxLength") == 3);
  CHECK(parsed("Annotated[list[int], MinLen(2)]").limits.at("minItems") == 2);
}

TEST_CASE("documented types of Python types") {
  const Classes none;
  for (const auto& [written, name] : {std::pair{"str", "string"},
                                      {"int | float", "number"},
                                      {"bytes", "file"},
                                      {"Sequence[int]", "list"},
                                      {"frozenset[int]", "set"},
                                      {"Mapping[str, int]", "dict"},
                                      {"pd.DataFrame", "dataframe"},
                                      {"object", "any"},
                                      {"None", "null"},
                                      {"int | None", "integer"}})
    CHECK(documented(parsed(written), none).name == name);
  CHECK(documented(parsed("int | str | None"), none).alternatives == std::vector<std::string>{"integer", "string"});
  CHECK(documented(parsed("int | None"), none).nullable);
  // An Any among the items does not stand for the others.
  CHECK_FALSE(assignable(parsed("tuple[Any, str]"), none, parsed("Sequence[int]"), none).fits);
  CHECK(assignable(parsed("tuple[Any, bool]"), none, parsed("Sequence[int]"), none).fits);
}

TEST_CASE("what a worker says of types costs what it may, whatever it says") {
  // A NewType of itself, a class below itself, one that doubles with every step, one that grows for ever.
  Classes classes;
  classes["nodes.x.Self"].bases = {"NewType"};
  classes["nodes.x.Self"].generic_bases = {Type::of("nodes.x.Self")};
  classes["nodes.x.Loop"].bases = {"nodes.x.Loop"};
  Type pair;
  pair.kind = Type::Kind::tuple;
  pair.arguments = {Type::of("~T"), Type::of("~T")};
  for (const char* name : {"nodes.x.Double", "nodes.x.Grow"}) {
    classes[name].parameters = {"T"};
    classes[name].form = ClassInfo::Form::dataclass;
    classes[name].generic_bases = {Type::of(name, {pair}), Type::of(name, {Type::of("list", {Type::of("~T")})})};
    for (const char* field : {"a", "b", "c"}) {
      Field one;
      one.name = field;
      one.type = Type::of(name, {Type::of(field, {Type::of("~T")})});
      classes[name].fields.push_back(one);
    }
  }
  for (const auto& [source, s] : classes)
    for (const auto& [target, t] : classes) {
      const Type from = Type::of(source, {Type::of("int")}), to = Type::of(target, {Type::of("str")});
      CHECK_NOTHROW(assignable(from, classes, to, classes));
      CHECK_NOTHROW(assignable(Type::of("list", {from}), classes, Type::of("collections.abc.Iterable", {to}), classes));
      CHECK(documented(from, classes).name.size() < 100);
      SchemaWriter writer(classes);
      CHECK(boost::json::serialize(writer.finish(writer.schema_of(from))).size() < 10'000'000);
    }
  NodeDescription description;
  CHECK_FALSE(take_analysed("[1]", description));
  CHECK_FALSE(take_analysed("{", description));
  CHECK(take_analysed(
      R"({"functions": [5, {"name": 7, "parameters": [{"name": "x", "type": "list["}, 1]}], "classes": {"A": 1},
                          "imports": [{"module": "x", "line": 1e300, "distributions": [1]}], "findings": "no"})",
      description));
  CHECK(description.functions.size() == 1);
  CHECK(description_from_json(to_json(description)).functions.size() == 1);
  CHECK(type_from_json(boost::json::parse(R"({"kind": "tuple", "variadic": true})")).kind == Type::Kind::any);
}

TEST_CASE("JSON Schema: we and python3-jsonschema say the same of the same values") {
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

TEST_CASE("a JSON pointer's line in a document") {
  const std::string text =
      "{\n  \"a\": [\n    1,\n    {\"b/c\":\n      \"}\\\"]\",\n     \"d\": -1.5e3}\n  ],\n  \"e\": {}\n}\n";
  const auto line = [&](const char* pointer) { return qflow::cli::line_of(text, pointer); };
  CHECK(line("") == 1);
  CHECK(line("/a") == 2);
  CHECK(line("/a/0") == 3);
  CHECK(line("/a/1") == 4);
  CHECK(line("/a/1/b~1c") == 5);
  CHECK(line("/a/1/d") == 6);
  CHECK(line("/e") == 8);
  CHECK(line("/a/1/nothing") == 4);
  CHECK(line("/nothing") == 1);
}
