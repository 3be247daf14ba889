#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "daemon/engine/shared_state.hpp"

using namespace qflow::engine;

namespace {

json::object change(json::object set, json::array removed = {}) {
  return {{"set", std::move(set)}, {"removed", std::move(removed)}};
}

}  // namespace

TEST_CASE("each worker learns what others have changed, once, and not what it changed itself") {
  SharedState state({{"a", 1}, {"b", 2}});
  CHECK(state.changes().empty());
  CHECK(json::parse(state.news(0)) == json::value(change({{"a", 1}, {"b", 2}})));
  CHECK(state.news(0).empty());
  REQUIRE(state.merge(change({{"a", 5}, {"c", 6}}, {"b"}), 0));
  CHECK(state.news(0).empty());
  CHECK(json::parse(state.news(1)) == json::value(change({{"a", 5}, {"c", 6}}, {"b"})));
  REQUIRE(state.merge(change({{"b", 7}}), 1));
  CHECK(json::parse(state.news(0)) == json::value(change({{"b", 7}})));
  CHECK(json::value(state.changes()) == json::value(change({{"a", 5}, {"b", 7}, {"c", 6}})));
}

TEST_CASE("a branch knows what its worker knew") {
  SharedState state({{"a", 1}});
  state.news(0);
  state.forked(0, 1);
  CHECK(state.news(1).empty());
  REQUIRE(state.merge(change({{"a", 2}}), 1));
  CHECK(json::parse(state.news(0)) == json::value(change({{"a", 2}})));
}

TEST_CASE("a change that does not count is taken back from the worker that made it") {
  SharedState state({{"a", 1}});
  state.news(0);
  state.disown(change({{"a", 9}, {"new", 9}}));
  CHECK(json::parse(state.news(0)) == json::value(change({{"a", 1}}, {"new"})));
}

TEST_CASE("a state that would be too large is refused whole") {
  SharedState state({{"a", 1}});
  CHECK_FALSE(state.merge(change({{"a", 2}, {"large", std::string(2U << 20U, 'x')}}), 0));
  CHECK(state.changes().empty());
  REQUIRE(state.merge(change({{"large", std::string(900'000, 'x')}}), 0));
  CHECK_FALSE(state.merge(change({{"more", std::string(900'000, 'x')}}), 0));
  CHECK(state.merge(change({{"more", std::string(900'000, 'x')}}, {"large"}), 0));
}
