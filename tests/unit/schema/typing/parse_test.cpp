#include <doctest/doctest.h>

#include "schema/typing/parse.hpp"
#include "tests/unit/schema/typing/parsed.hpp"

using namespace qflow::schema;
using qflow::test::parsed;

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
