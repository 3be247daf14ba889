// 11. The engine: what a decision, a round of a loop and a try cost, as the record has it.
#include <boost/json/serialize.hpp>

#include "tests/bench/bench.hpp"
#include "tests/support/http.hpp"

namespace qflow::bench {
namespace {

using namespace qflow::test;

json::object code(const std::string& id, const std::string& text) { return {{"id", id}, {"name", id}, {"code", text}}; }

json::object control(const std::string& id, const std::string& type, json::object parameters = {}) {
  return {{"id", id}, {"name", id}, {"type", "qflow." + type}, {"parameters", std::move(parameters)}};
}

json::object edge(const std::string& from, int output, const std::string& to, int input) {
  return {{"source", {{"nodeId", from}, {"output", output}}}, {"target", {{"nodeId", to}, {"input", input}}}};
}

json::object flow_of(json::array nodes, json::array edges) {
  return {{"name", "bench"}, {"nodes", std::move(nodes)}, {"connections", std::move(edges)}};
}

// Milliseconds of an execution as recorded.
Sample durations(Daemon& daemon, const json::object& flow, int times) {
  const std::string id = daemon.store(flow);
  Sample sample;
  for (int i = 0; i < times; ++i) {
    const Answer done = daemon.post("/workflows/" + id + "/execute?wait=120", json::object());
    if (done["status"] != "completed") throw std::runtime_error(done.body.substr(0, 500));
    if (i > 0) sample.times.push_back(done["duration_ms"].to_number<double>());
    ::usleep(20'000);
  }
  return sample;
}

json::object in_a_row(int nodes) {
  json::array all, edges;
  for (int i = 0; i < nodes; ++i) {
    all.push_back(code("n" + std::to_string(i), i == 0 ? "def f(): return 1" : "def f(x): return x"));
    if (i > 0) edges.push_back(edge("n" + std::to_string(i - 1), 0, "n" + std::to_string(i), 0));
  }
  return flow_of(std::move(all), std::move(edges));
}

}  // namespace

void engine_costs() {
  fmt::print("11. The engine (executions as recorded, over HTTP)\n");
  Daemon daemon;
  const double straight = durations(daemon, in_a_row(3), 60).at(0.5);
  row("3 trivial nodes in a row", straight, "ms");
  const json::object chosen =
      flow_of({code("n0", "def f(): return 1"), control("if", "if", {{"condition", "value > 0"}}),
               code("n1", "def f(x): return x"), control("merge", "merge"), code("n2", "def f(x): return x")},
              {edge("n0", 0, "if", 0), edge("if", 0, "n1", 0), edge("n1", 0, "merge", 0), edge("if", 1, "merge", 1),
               edge("merge", 0, "n2", 0)});
  const double with_choice = durations(daemon, chosen, 60).at(0.5);
  row("the same with an if and a merge around the second", with_choice, "ms",
      fmt::format("{:.0f} µs more", (with_choice - straight) * 1000));
  const auto loop = [&](const char* type, json::object parameters, const std::string& items) {
    return flow_of({code("items", "def items(): return " + items), control("loop", type, std::move(parameters)),
                    code("body", std::string(type) == "while" ? "def body(x): return x + 1" : "def body(x): return x")},
                   {edge("items", 0, "loop", 0), edge("loop", 1, "body", 0), edge("body", 0, "loop", 1)});
  };
  constexpr int kRounds = 10'000;
  const double each = durations(daemon, loop("for_each", {}, "list(range(10000))"), 6).at(0.5);
  row("for_each over 10,000 items, trivial body", each / kRounds * 1000, "µs", "a round");
  const double while_ =
      durations(daemon, loop("while", {{"condition", "value < 10000"}, {"max_iterations", 20'000}}, "0"), 6).at(0.5);
  row("while, 10,000 rounds, trivial body", while_ / kRounds * 1000, "µs", "a round");
  // Branches: a start, two nodes beside one another, and one that takes both values.
  const auto diamond = [&](const std::string& side, const char* parallel) {
    json::object flow =
        flow_of({code("a", "def a(): return 1"), code("b", side), code("c", side), code("d", "def d(x, y): return 1")},
                {edge("a", 0, "b", 0), edge("a", 0, "c", 0), edge("b", 0, "d", 0), edge("c", 0, "d", 1)});
    flow["settings"] = json::object{{"parallel", parallel}};
    return flow;
  };
  const char* const trivial = "def f(x): return x";
  const double alone = durations(daemon, diamond(trivial, "off"), 60).at(0.5);
  const double forked = durations(daemon, diamond(trivial, "on"), 60).at(0.5);
  row("a branch around a trivial node: fork, call, value back", forked - alone, "ms",
      "to reach for fork to first call: 1");
  const char* const waits = "import time\ndef f(x):\n    time.sleep(0.1)\n    return x";
  row("two branches of 100 ms of waiting each", durations(daemon, diamond(waits, "on"), 8).at(0.5), "ms",
      "to reach: 110");
  const char* const work =
      "import time\ndef body(x):\n    until = time.perf_counter() + 0.001\n    while time.perf_counter() < until: "
      "pass\n    return x";
  const auto map = [&](int branches) {
    return flow_of({code("items", "def items(): return list(range(1000))"),
                    control("loop", "for_each", {{"parallel", branches}}), code("body", work)},
                   {edge("items", 0, "loop", 0), edge("loop", 1, "body", 0), edge("body", 0, "loop", 1)});
  };
  const double one = durations(daemon, map(1), 4).at(0.5);
  const double two = durations(daemon, map(2), 4).at(0.5);
  row("map of 1,000 × 1 ms over 2 branches", two, "ms",
      fmt::format("{:.2f} × half of {:.0f} ms without", two / (one / 2), one));
  json::object tried = code("n1", "def f(x): return x");
  tried["retryOnFail"] = true;
  const json::object guarded = flow_of({code("n0", "def f(): return 1"), tried, code("n2", "def f(x): return x")},
                                       {edge("n0", 0, "n1", 0), edge("n1", 0, "n2", 0)});
  row("3 trivial nodes, the second with retryOnFail", durations(daemon, guarded, 60).at(0.5), "ms");
}

}  // namespace qflow::bench
