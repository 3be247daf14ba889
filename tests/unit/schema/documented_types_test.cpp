#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/documented_types.hpp"

using namespace qflow;
namespace json = boost::json;

TEST_CASE("the documented type matrix") {
  const auto fits = [](const char* a, const char* b) { return schema::compatibility(a, b).compatible; };
  CHECK(schema::builtin_types().size() == 20);
  CHECK(fits("number", "integer"));
  CHECK_FALSE(fits("integer", "float"));
  CHECK(fits("tuple", "list"));
  CHECK_FALSE(fits("list", "tuple"));
  CHECK(fits("dataframe", "object"));
  CHECK_FALSE(fits("object", "dataframe"));
  CHECK_FALSE(fits("dataframe", "dict"));
  CHECK_FALSE(fits("boolean", "integer"));
  CHECK_FALSE(fits("file", "image"));
  CHECK(fits("image", "file"));
  for (const auto& type : schema::builtin_types()) {
    CHECK(schema::compatibility(type.name, type.name).compatible);
    CHECK(schema::compatibility("any", type.name).compatible);
    CHECK(schema::compatibility(type.name, "any").compatible);
  }
  CHECK_FALSE(fits("unknown", "string"));
  const auto int_to_str = schema::compatibility("integer", "string");
  CHECK_FALSE(int_to_str.compatible);
  CHECK(int_to_str.conversion_required);
  CHECK(int_to_str.method == "str()");
  CHECK(schema::builtin_type("str") == "string");
  CHECK(schema::builtin_type("pd.DataFrame") == "dataframe");
  CHECK_FALSE(schema::builtin_type("nonsense"));
}

TEST_CASE("conversions follow Python") {
  const auto converted = [](const char* value, const char* from, const char* to, bool items = false) {
    std::string problem;
    const auto result = schema::convert(json::parse(value), from, to, items, problem);
    return result ? json::serialize(*result) : "!" + problem;
  };
  CHECK(converted("\" 42 \"", "string", "integer") == "42");
  CHECK(converted("\"4.5\"", "string", "integer").starts_with("!"));
  CHECK(converted("\"4.5\"", "string", "float") == "4.5E0");
  CHECK(converted("\"4\"", "string", "number") == "4");
  CHECK(converted("true", "boolean", "string") == "\"True\"");
  CHECK(converted("1.0", "float", "string") == "\"1.0\"");
  CHECK(converted("1e16", "float", "string") == "\"1e+16\"");
  CHECK(converted("3.0", "float", "integer") == "3");
  CHECK(converted("3.5", "float", "integer") == "!3.5 is not a whole number");
  CHECK(converted("[[\"a\",1]]", "list", "dict") == "{\"a\":1}");
  CHECK(converted("[1]", "list", "dict").starts_with("!"));
  CHECK(converted("{\"a\":1}", "dict", "list") == "[\"a\"]");
  CHECK(converted("{\"a\":1}", "dict", "list", true) == "[[\"a\",1]]");
  CHECK(converted("[1,1,2]", "list", "set") == "[1,2]");
  CHECK(converted("null", "null", "string").starts_with("!"));
  CHECK(converted("\"7\"", "any", "integer") == "7");
  CHECK(converted("[1]", "list", "boolean").starts_with("!"));
  CHECK(converted("\"99999999999999999999\"", "string", "integer").starts_with("!"));
}
