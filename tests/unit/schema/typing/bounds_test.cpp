// What a worker can make the daemon spend on the types that it describes.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/description.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/typing/assignable.hpp"
#include "schema/typing/documented_name.hpp"
#include "schema/typing/json_schema.hpp"

using namespace qflow::schema;

TEST_CASE("the cost of a worker's type descriptions is bounded, whatever they say") {
  // A NewType of itself, a class below itself, a class that doubles with every step, a class that grows forever.
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
