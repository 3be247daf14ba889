#include "daemon/flow/loops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>

#include "daemon/base/fault.hpp"

namespace qflow::flow {
namespace {

using Indexes = std::vector<std::size_t>;

constexpr std::size_t kMostLoops = 200;  // each is a look at all connections

class Orderer {
 public:
  Orderer(const Graph& graph, const std::vector<bool>& runs, const std::vector<Wire>& wires)
      : graph_(graph), runs_(runs), wires_(wires), leaving_(graph.nodes.size()), inside_(graph.nodes.size()) {
    for (const Wire& wire : wires) leaving_[wire.from].push_back(&wire);
  }

  std::vector<Placed> order() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (runs_[i] && is_loop(graph_.nodes[i].control)) find_body(i);
    sort_bodies();
    check_nesting();
    for (const std::size_t loop : loops_) check_body(loop);
    arrange();
    std::vector<Placed> out;
    emit(std::nullopt, out);
    return out;
  }

 private:
  const std::string& name(std::size_t node) const { return graph_.nodes[node].name; }

  [[noreturn]] void refuse(std::size_t loop, const Wire* wire, const std::string& why) const {
    const std::string between =
        wire == nullptr ? "" : fmt::format("the connection from \"{}\" to \"{}\" ", name(wire->from), name(wire->to));
    throw Fault(FaultKind::bad_input, "invalid_loop", fmt::format("loop \"{}\": {}{}", name(loop), between, why),
                {{"node", name(loop)},
                 {"node_id", graph_.nodes[loop].id},
                 {"pointer", wire == nullptr ? graph_.nodes[loop].pointer : wire->edge->pointer}});
  }

  // What the connections lead to from `first`, which are left out themselves; closing connections are not followed, and
  // neither is what leaves `around`.
  std::vector<bool> reached(std::size_t around, int output) const {
    std::vector<bool> seen(graph_.nodes.size(), false);
    Indexes todo;
    const auto follow = [&](const Wire& wire) {
      if (wire.closes || wire.to == around || seen[wire.to]) return;
      seen[wire.to] = true;
      todo.push_back(wire.to);
    };
    for (const Wire* wire : leaving_[around])
      if (wire->output == output) follow(*wire);
    while (!todo.empty()) {
      const std::size_t at = todo.back();
      todo.pop_back();
      for (const Wire* wire : leaving_[at]) follow(*wire);
    }
    return seen;
  }

  void find_body(std::size_t loop) {
    if (loops_.size() == kMostLoops)
      refuse(loop, nullptr, fmt::format("more than {} loops in one workflow", kMostLoops));
    loops_.push_back(loop);
    bodies_.resize(graph_.nodes.size());
    bodies_[loop] = reached(loop, 1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (bodies_[loop][i]) inside_[i].push_back(loop);
  }

  std::size_t size_of(std::size_t loop) const {
    return static_cast<std::size_t>(std::count(bodies_[loop].begin(), bodies_[loop].end(), true));
  }

  // Of each node, the loops around it, the outermost first.
  void sort_bodies() {
    std::vector<std::size_t> size(graph_.nodes.size(), 0);
    for (const std::size_t loop : loops_) size[loop] = size_of(loop);
    for (Indexes& around : inside_)
      std::stable_sort(around.begin(), around.end(), [&](std::size_t a, std::size_t b) { return size[a] > size[b]; });
  }

  void check_body(std::size_t loop) const {
    const std::vector<bool>& body = bodies_[loop];
    const std::vector<bool> after = reached(loop, 0);
    bool closed = false;
    for (const Wire& wire : wires_) {
      const bool from_item = wire.from == loop && wire.output == 1;
      const bool from_inside = body[wire.from] || from_item;
      if (wire.to == loop && wire.closes) {
        if (!from_inside) refuse(loop, &wire, "goes to its closing input from outside its body");
        closed = true;
      } else if (wire.to == loop && from_inside) {
        refuse(loop, &wire, "leads from its body to its first input; the closing input is the second");
      } else if (body[wire.to] && !from_inside && (wire.from == loop || after[wire.from])) {
        refuse(loop, &wire,
               "leads into its body from what comes after it; a body takes values from before the loop only");
      } else if (wire.closes && body[wire.from] && !body[wire.to]) {
        refuse(loop, &wire, "leaves its body sideways; only its closing input leads out");
      }
    }
    if (!closed)
      refuse(loop, nullptr,
             fmt::format("nothing leads back to its closing input (\"{}\", input 1); connect the last node of its body",
                         graph_.nodes[loop].control == Control::for_each ? "result" : "next"));
  }

  // Of two loops around a node, one is in the body of the other.
  void check_nesting() const {
    for (std::size_t node = 0; node < inside_.size(); ++node)
      for (std::size_t k = 1; k < inside_[node].size(); ++k)
        if (const std::size_t outer = inside_[node][k - 1], inner = inside_[node][k]; !bodies_[outer][inner])
          refuse(
              outer, nullptr,
              fmt::format("its body and that of loop \"{}\" share node \"{}\", but neither loop is in the other's body",
                          name(inner), name(node)));
  }

  // The representative of `node` among the nodes at one level: itself, or the loop at that level that it is in.
  std::size_t at_level(std::size_t node, std::size_t level) const {
    return level < inside_[node].size() ? inside_[node][level] : node;
  }

  // Links between representatives, at the level at which their two ends part.
  void arrange() {
    before_.assign(graph_.nodes.size(), 0);
    behind_.assign(graph_.nodes.size(), {});
    for (const Wire& wire : wires_) {
      if (wire.closes) continue;
      std::size_t level = 0;
      while (at_level(wire.from, level) == at_level(wire.to, level) && level < inside_[wire.from].size() &&
             level < inside_[wire.to].size())
        ++level;
      const std::size_t from = at_level(wire.from, level), to = at_level(wire.to, level);
      if (from == to && wire.from != wire.to) continue;  // a loop and its own body
      ++before_[to];
      behind_[from].push_back(to);
    }
    children_.assign(graph_.nodes.size() + 1, {});
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (runs_[i]) children_[inside_[i].empty() ? graph_.nodes.size() : inside_[i].back()].push_back(i);
  }

  // Kahn's algorithm at one level; free nodes keep the document's order.
  void emit(std::optional<std::size_t> loop, std::vector<Placed>& out) {
    const Indexes& members = children_[loop.value_or(graph_.nodes.size())];
    std::priority_queue<std::size_t, Indexes, std::greater<>> free;
    for (const std::size_t node : members)
      if (before_[node] == 0) free.push(node);
    std::size_t done = 0;
    while (!free.empty()) {
      const std::size_t node = free.top();
      free.pop();
      ++done;
      const std::size_t at = out.size();
      out.push_back({node, loop, 0});
      if (is_loop(graph_.nodes[node].control)) {
        emit(node, out);
        out[at].body_end = out.size();
      }
      for (const std::size_t next : behind_[node])
        if (--before_[next] == 0) free.push(next);
    }
    if (done < members.size()) refuse_cycle(members);
  }

  // "a → b → a": backwards from a node that could not be placed, each of which has such a node before it.
  [[noreturn]] void refuse_cycle(const Indexes& members) const {
    std::vector<bool> stuck(graph_.nodes.size(), false);
    for (const std::size_t node : members) stuck[node] = before_[node] > 0;
    std::vector<std::size_t> source(graph_.nodes.size());
    for (std::size_t from = 0; from < behind_.size(); ++from)
      if (stuck[from])
        for (const std::size_t to : behind_[from]) source[to] = from;
    std::size_t at = *std::find_if(members.begin(), members.end(), [&](std::size_t node) { return stuck[node]; });
    std::vector<bool> seen(graph_.nodes.size(), false);
    Indexes path;
    while (!seen[at]) {
      seen[at] = true;
      path.push_back(at);
      at = source[at];
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), at));
    std::string text = name(at);
    for (auto node = path.rbegin(); node != path.rend(); ++node) text += " → " + name(*node);
    throw Fault(FaultKind::bad_input, "cyclic_workflow",
                fmt::format("the workflow has a cycle: {}; a workflow must have an end, and only a loop node "
                            "(qflow.for_each, qflow.while) leads back, to its second input",
                            text));
  }

  const Graph& graph_;
  const std::vector<bool>& runs_;
  const std::vector<Wire>& wires_;
  std::vector<std::vector<const Wire*>> leaving_;
  Indexes loops_;
  std::vector<std::vector<bool>> bodies_;  ///< by loop; empty for other nodes
  std::vector<Indexes> inside_;            ///< the loops around each node
  Indexes before_;
  std::vector<Indexes> behind_, children_;
};

}  // namespace

std::vector<Placed> order_of(const Graph& graph, const std::vector<bool>& runs, const std::vector<Wire>& wires) {
  return Orderer(graph, runs, wires).order();
}

}  // namespace qflow::flow
