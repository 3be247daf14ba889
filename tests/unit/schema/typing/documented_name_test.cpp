#include <doctest/doctest.h>

#include "schema/typing/assignable.hpp"
#include "schema/typing/documented_name.hpp"
#include "schema/typing/parse.hpp"
#include "tests/unit/schema/typing/parsed.hpp"

using namespace qflow::schema;
using qflow::test::parsed;

TEST_CASE("the documented types of Python types") {
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
