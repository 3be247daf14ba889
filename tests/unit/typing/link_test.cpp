#include <doctest/doctest.h>

#include "daemon/typing/convert_node.hpp"
#include "daemon/typing/link.hpp"

using namespace qflow;
using schema::Type;
using typing::check_link;
using typing::LinkEnd;

namespace {

const typing::Catalog kCatalog;

typing::Link between(const char* source, const char* target) {
  std::string problem;
  const auto from = typing::read_type(source, problem), to = typing::read_type(target, problem);
  REQUIRE_MESSAGE(from, source);
  REQUIRE_MESSAGE(to, target);
  return check_link({*from, nullptr, {}}, {*to, nullptr, {}}, kCatalog);
}

}  // namespace

TEST_CASE("numbers are promoted between annotations, alone and in unions") {
  for (const auto& [source, target] : {std::pair{"int", "float"},
                                       {"int", "Optional[float]"},
                                       {"int", "float | str"},
                                       {"Optional[int]", "float"},
                                       {"bool", "int"},
                                       {"bool | None", "int | None"},
                                       {"int | bool", "float | None"},
                                       {"list[bool]", "list[int]"},
                                       {"Literal[1]", "float"}}) {
    const typing::Link link = between(source, target);
    CHECK_MESSAGE(link.compatible, source << " → " << target << ": " << link.explanation);
    CHECK_MESSAGE(!link.conversion_required, source << " → " << target);
  }
  for (const auto& [source, target] :
       {std::pair{"float", "int | str"}, {"str", "float | int"}, {"int | str", "float"}, {"float", "bool"}})
    CHECK_MESSAGE(!between(source, target).compatible, source << " → " << target);
}

// What Python's typing lets pass is never refused: all unions of at most three of these.
TEST_CASE("a link between unions is refused only where typing refuses it") {
  const std::vector<Type> atoms{Type::of("bool"), Type::of("int"), Type::of("float"),
                                Type::of("str"),  Type::none(),    Type::of("list", {Type::of("int")}),
                                Type::of("dict")};
  std::vector<Type> unions;
  for (std::size_t set = 1; set < (1U << atoms.size()); ++set) {
    std::vector<Type> parts;
    for (std::size_t i = 0; i < atoms.size(); ++i)
      if ((set >> i & 1U) != 0) parts.push_back(atoms[i]);
    if (parts.size() <= 3) unions.push_back(Type::either(std::move(parts)));
  }
  const schema::Classes none;
  std::size_t fitting = 0;
  for (const Type& source : unions)
    for (const Type& target : unions) {
      if (!schema::assignable(source, none, target, none, schema::Rules::typing()).fits) continue;
      ++fitting;
      const typing::Link link = check_link({source, nullptr, {}}, {target, nullptr, {}}, kCatalog);
      CHECK_MESSAGE((link.compatible && link.fits), link.explanation);
    }
  CHECK(fitting > 300);
}
