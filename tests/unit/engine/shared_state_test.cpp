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

TEST_CASE("keys that are removed twice, or set and removed, count once") {
  SharedState state({{"a", std::string(500'000, 'x')}});
  json::array many;
  for (int i = 0; i < 1000; ++i) many.emplace_back("a");
  REQUIRE(state.merge(change({{"b", 1}}, many), 0));
  CHECK(json::value(state.changes()) == json::value(change({{"b", 1}}, {"a"})));
  REQUIRE(state.merge(change({{"b", std::string(900'000, 'y')}}, {"b", "gone"}), 0));
  CHECK_FALSE(state.merge(change({{"c", std::string(900'000, 'z')}}, {"a", "a"}), 0));
}

TEST_CASE("news are as large as what has changed, however large the state") {
  json::object initial;
  for (int i = 0; i < 20'000; ++i) initial[std::to_string(i)] = i;
  SharedState state(std::move(initial));
  state.news(0);
  state.news(1);
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(state.merge(change({{"5", i}}), 0));
    REQUIRE(state.news(0).empty());
  }
  CHECK(json::parse(state.news(1)) == json::value(change({{"5", 19'999}})));
}
