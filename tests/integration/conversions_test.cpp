// qflow.convert: every pair of documented and standard types converts or is refused by name.
#include <doctest/doctest.h>

#include <array>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

// The type and text of `expression` converted to `to`, or the error.
std::string converted(const std::string& expression, const std::string& to) {
  json::object document =
      chain({node("make", "import datetime, decimal, pathlib, uuid, fractions\ndef make(): return " + expression),
             {{"id", "convert"}, {"type", "qflow.convert"}, {"parameters", {{"to", to}}}},
             node("show", "def show(x): return type(x).__name__ + ' ' + str(x)")});
  const Answer made = daemon().post("/workflows", document);
  if (made.status != 201) return made.body;
  const Answer done = daemon().post("/workflows/" + text(made["id"]) + "/execute?wait=20");
  if (done.status != 200) return done.body;
  return done["status"] == "completed" ? text(done["data"].at("outputs").at("show")) : text(done["error"]);
}

}  // namespace

TEST_CASE("dates, durations, bytes, words and JSON text are converted as they are written") {
  const std::vector<std::array<std::string, 3>> pairs{
      {"'2024-01-02'", "date", "date 2024-01-02"},
      {"'20240102T0304Z'", "datetime", "datetime 2024-01-02 03:04:00+00:00"},
      {"'2024-01-02T03:04:05Z'", "datetime.datetime", "datetime 2024-01-02 03:04:05+00:00"},
      {"datetime.date(2024, 1, 2)", "datetime", "datetime 2024-01-02 00:00:00"},
      {"datetime.datetime(2024, 1, 2, 3)", "date", "date 2024-01-02"},
      {"datetime.datetime(2024, 1, 2, 3)", "str", "str 2024-01-02T03:00:00"},
      {"'PT1H30M'", "timedelta", "timedelta 1:30:00"},
      {"datetime.timedelta(days=1, seconds=3.5)", "str", "str P1DT3.5S"},
      {"datetime.timedelta(seconds=90)", "float", "float 90.0"},
      {"'false'", "bool", "bool False"},
      {"'Yes'", "bool", "bool True"},
      {"b'hi'", "str", "str hi"},
      {"'hä'", "bytes", "bytes b'h\\xc3\\xa4'"},
      {"9.99", "decimal.Decimal", "Decimal 9.99"},
      {"decimal.Decimal('1.10')", "str", "str 1.10"},
      {"'a/b'", "pathlib.Path", "PosixPath a/b"},
      {"pathlib.Path('a/b')", "str", "str a/b"},
      {"'{\"a\": 1}'", "dict", "dict {'a': 1}"},
      {"{'a': [1]}", "str", "str {\"a\": [1]}"},
      {"'[1, 2]'", "list[int]", "list [1, 2]"},
      {"uuid.UUID(int=1)", "str", "str 00000000-0000-0000-0000-000000000001"},
      {"'1/3'", "fractions.Fraction", "Fraction 1/3"},
      {"'text'", "file", "bytes b'text'"},
      {"pathlib.Path('a')", "file", "PosixPath a"},
      {"'5'", "int | bool", "int 5"}};
  for (const auto& [expression, to, expected] : pairs) CHECK_MESSAGE(converted(expression, to) == expected, expression);
}

TEST_CASE("what cannot be converted is refused by name") {
  CHECK(has(converted("'maybe'", "bool"), "str 'maybe' cannot be converted to a boolean"));
  CHECK(has(converted("b'\\xff'", "str"), "cannot be converted to text: it is not UTF-8"));
  CHECK(has(converted("'soon'", "date"), "str 'soon' cannot be converted to a date by ISO 8601"));
  CHECK(has(converted("'{'", "dict"), "it is no JSON"));
  CHECK(has(converted("[1]", "bool"), "list [1] cannot be converted to a boolean"));
  CHECK(has(converted("None", "str"), "null converts to nothing else"));
  CHECK(has(converted("1", "re.Pattern"), "there is no conversion to re.Pattern"));
}

TEST_CASE("every pair of types converts or is refused; nothing passes unchanged") {
  for (const char* to :
       {"int", "float", "str", "bool", "bytes", "list", "dict", "datetime.date", "datetime.datetime", "datetime.time",
        "datetime.timedelta", "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "pathlib.Path", "complex"}) {
    const char* values[] = {"7",
                            "2.5",
                            "'text'",
                            "True",
                            "b'bytes'",
                            "[1, 2]",
                            "{'a': 1}",
                            "datetime.date(2024, 1, 2)",
                            "datetime.datetime(2024, 1, 2, 3)",
                            "datetime.time(3)",
                            "datetime.timedelta(1)",
                            "decimal.Decimal('1.5')",
                            "fractions.Fraction(1, 2)",
                            "uuid.UUID(int=1)",
                            "pathlib.Path('a')",
                            "1j"};
    for (const char* value : values) {
      const std::string said = converted(value, to);
      const std::string kind = std::string(to).substr(std::string(to).rfind('.') + 1);
      const bool made = said.starts_with(kind + " ") || (kind == "Path" && said.starts_with("PosixPath "));
      CHECK_MESSAGE((made || has(said, "cannot be converted to")), value << " → " << to << ": " << said);
    }
  }
}
