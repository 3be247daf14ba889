// 10. Types: introspection against a bare Python, comparisons against mypy, the check of a large workflow.
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "schema/documented_types.hpp"
#include "schema/typing/assignable.hpp"
#include "schema/typing/json_schema.hpp"
#include "schema/typing/parse.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/http.hpp"

namespace qflow::bench {
namespace {

using namespace qflow::test;

// About 200 lines: ten dataclasses and twenty functions, with docstrings. `unique` makes it code never seen before.
std::string module_of_200_lines(int unique) {
  std::string code =
      fmt::format("# {}\nfrom dataclasses import dataclass\nfrom typing import Dict, List, Optional\n", unique);
  for (int i = 0; i < 10; ++i)
    code += fmt::format(
        "\n@dataclass\nclass Record{0}:\n    key: str\n    value: float = {0}.0\n    tags: Optional[List[str]] = "
        "None\n",
        i);
  for (int i = 0; i < 20; ++i)
    code += fmt::format(
        "\ndef step{0}(rows: List[Record{1}], factor: float = {0}.5) -> Dict[str, float]:\n    \"\"\"Sums.\n\n    "
        "Args:\n"
        "        rows: what to sum\n    \"\"\"\n    return {{row.key: row.value * factor for row in rows}}\n",
        i, i % 10);
  return code;
}

void introspection(Daemon& daemon) {
  const std::string code = module_of_200_lines(0);
  row("lines of the module", static_cast<double>(std::count(code.begin(), code.end(), '\n')), "");
  const TempDir directory;
  const std::string file = directory.path() + "/module.py";
  std::ofstream(file) << code
                      << "\nimport inspect, typing\nfor name, f in list(globals().items()):\n"
                         "    if inspect.isfunction(f): inspect.signature(f), typing.get_type_hints(f)\n";
  int unique = 0;
  const auto ask = [&](int number) {
    const Answer answer = daemon.post("/nodes/python/validate", {{"code", module_of_200_lines(number)}});
    if (answer.status != 200 || !answer["valid"].as_bool()) throw std::runtime_error(answer.body.substr(0, 500));
  };
  ask(unique++);
  ::usleep(500'000);
  Sample bare, fresh, known;
  for (int i = 0; i < 15; ++i) {
    bare.times.push_back(milliseconds([&] { run({kPython, "-I", file}); }));
    fresh.times.push_back(milliseconds([&] { ask(unique++); }));
    known.times.push_back(milliseconds([&] { ask(0); }));
    ::usleep(20'000);
  }
  row("python3 with inspect and typing, no sandbox, no AST", bare.at(0.5), "ms");
  row("never seen: sandbox, AST, imports, live functions, HTTP", fresh.at(0.5), "ms",
      fmt::format("{:.2f} times the bare python3", fresh.at(0.5) / bare.at(0.5)));
  row("seen before", known.at(0.5), "ms");
}

void comparisons() {
  const char* types[] = {"int",
                         "list[int]",
                         "dict[str, list[float]]",
                         "Optional[int]",
                         "tuple[int, str]",
                         "Sequence[int]",
                         "Mapping[str, list[int]]",
                         "int | str",
                         "Literal['a', 'b']",
                         "list[str]"};
  std::vector<schema::Type> parsed;
  for (const char* one : types) parsed.push_back(schema::parse_type(one).type);
  const schema::Classes none;
  constexpr int kRounds = 500;
  std::size_t fitting = 0;
  const double took = milliseconds([&] {
    for (int round = 0; round < kRounds; ++round)
      for (const auto& source : parsed)
        for (const auto& target : parsed) fitting += schema::assignable(source, none, target, none).fits ? 1 : 0;
  });
  const double count = kRounds * static_cast<double>(parsed.size() * parsed.size());
  row("structural comparisons", count / took * 1000, "/s");
  const double names = milliseconds([&] {
    for (int round = 0; round < kRounds; ++round)
      for (const auto& source : schema::builtin_types())
        for (const auto& target : schema::builtin_types())
          fitting += schema::compatibility(source.name, target.name).compatible ? 1 : 0;
  });
  row("comparisons of documented names", kRounds * 400 / names * 1000, "/s");
  // The same question for mypy: one file with many assignments, its start-up time subtracted.
  const TempDir directory;
  const auto ask_mypy = [&](int copies) {
    const std::string file = directory.path() + "/pairs.py";
    std::ofstream out(file);
    out << "from typing import *\n";
    int number = 0;
    for (int copy = 0; copy < copies; ++copy)
      for (const char* source : types)
        for (const char* target : types)
          out << "def f" << number++ << "(a: " << source << ") -> None:\n    b: " << target << " = a\n";
    out.close();
    return milliseconds([&] {
      run({kPython, "-m", "mypy", "--no-incremental", "--cache-dir=/dev/null", "--python-version", "3.11", file});
    });
  };
  const double start = ask_mypy(0), loaded = ask_mypy(40);
  const double rate = 40.0 * static_cast<double>(parsed.size() * parsed.size()) / std::max(1.0, loaded - start) * 1000;
  row("mypy 1.0, its start-up time subtracted", rate, "/s",
      fmt::format("qflow: {:.0f} times", count / took * 1000 / rate));
  if (fitting == 0) fmt::print("nothing fits\n");
}

json::object large_workflow(int nodes) {
  json::array list;
  json::object connections;
  for (int i = 0; i < nodes; ++i) {
    list.push_back(json::object{
        {"id", fmt::format("n{}", i)},
        {"name", fmt::format("node {}", i)},
        {"type", "qflow.python"},
        {"code", fmt::format("def step(rows: 'list[int]', by: int = {}) -> 'list[int]':\n    return rows\n", i)},
        {"inputs", json::object{{"by", i}}}});
    if (i > 0)
      connections[fmt::format("n{}", i - 1)] = json::object{
          {"main", {json::array{json::object{{"node", fmt::format("n{}", i)}, {"type", "main"}, {"index", 0}}}}}};
  }
  return {{"name", "large"}, {"nodes", std::move(list)}, {"connections", std::move(connections)}};
}

void validation(Daemon& daemon) {
  const json::object workflow = large_workflow(1000);
  const std::string body = json::serialize(workflow);
  const auto ask = [&] {
    const Answer answer = daemon.send("POST", "/workflows/validate", body, "Content-Type: application/json\r\n");
    if (answer.status != 200 || !answer["valid"].as_bool()) throw std::runtime_error(answer.body.substr(0, 500));
  };
  row("1,000 nodes with different code, never seen", milliseconds(ask), "ms");
  row("the same nodes, known, over HTTP", repeat(15, ask).at(0.5), "ms", "target: under 50");
  const std::string id = daemon.store(workflow);
  row("the same nodes, stored", repeat(15, [&] { daemon.post("/workflows/" + id + "/validate"); }).at(0.5), "ms");
}

}  // namespace

void type_costs() {
  fmt::print("10 Types\n");
  Daemon daemon;
  introspection(daemon);
  comparisons();
  validation(daemon);
}

}  // namespace qflow::bench
