#include "daemon/api/nodes/compatible_nodes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/services/checking.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/typing/convert_node.hpp"
#include "daemon/typing/link.hpp"

namespace qflow::api {
namespace {

// Descriptions that take longer go on in the background; the next call has them.
constexpr auto kPatience = std::chrono::milliseconds(1500);
constexpr std::size_t kMostCode = 16U << 20U;  // bytes of code read for one call

// Library nodes that the owner may see, as many as their code has room.
std::vector<store::PythonNode> nodes_with_code(sqlite::Db& db, const std::optional<std::string>& owner) {
  store::PythonNodeQuery query;
  query.owner = owner;
  query.take = 1000;
  std::int64_t count = 0;
  std::vector<store::PythonNode> out;
  std::size_t bytes = 0;
  for (const auto& row : store::list_python_nodes(db, query, count)) {
    auto whole = store::find_python_node(db, row.id, owner);
    if (!whole) continue;
    bytes += whole->code.size();
    if (bytes > kMostCode) break;
    out.push_back(std::move(*whole));
  }
  return out;
}

// The given end of the connection, and its direction.
struct Wanted {
  schema::Type type;
  schema::Classes classes;
  std::string port;
  bool output = true;  ///< the port gives a value; candidates take it
};

// The port of a function: its result, or one of its parameters.
Wanted port_of(const schema::NodeFunction& function, const schema::Classes& classes, const std::string& port) {
  if (port.empty() || port == "output") return {function.output.type, classes, "output", true};
  for (const auto& one : function.inputs)
    if (one.name == port) return {one.type, classes, port, false};
  std::string known = "output";
  for (const auto& one : function.inputs) known += ", " + one.name;
  throw Fault(FaultKind::not_found, "missing_port",
              fmt::format("port: there is no port \"{}\"; the ports are: {}", port, known));
}

// A port of a workflow's node. Described from the workflow's plan, because the node may import other nodes of it.
Task<Wanted> port_in_workflow(Services& services, const Request& request, const std::string& workflow,
                              const std::string& node, const std::string& port) {
  auto job = [workflow, owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_workflow(db, workflow, owner);
  };
  const auto w = co_await services.store.read(std::move(job));
  if (!w) throw missing("workflow", workflow);
  flow::Plan plan = flow::make_plan(services::graph_of(*w), *services.settings.get());
  const auto step = std::find_if(plan.steps.begin(), plan.steps.end(),
                                 [&](const flow::Step& one) { return one.node.id == node || one.node.name == node; });
  if (step == plan.steps.end()) throw missing("node", node);
  const auto index = static_cast<std::size_t>(step - plan.steps.begin());
  check::NodeSource source = check::sources_of(plan, request.caller->user_id)[index];
  auto ask = [source = std::move(source)](check::Describer& describer) { return describer.describe(source); };
  const check::DescriptionPtr d = co_await services::on_describer(services, std::move(ask));
  const schema::NodeFunction* function = d->find(step->node.function.value_or(""));
  if (function == nullptr)
    throw Fault(FaultKind::unprocessable, "code_error", fmt::format("node \"{}\": {}", step->node.name, d->error));
  co_return port_of(*function, d->classes, port);
}

Task<Wanted> port_in_library(Services& services, const Request& request, const std::string& node,
                             const std::string& port) {
  auto job = [node, owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_python_node(db, node, owner);
  };
  const auto row = co_await services.store.read(std::move(job));
  if (!row) throw missing("node", node);
  check::NodeSource source = check::source_of(*row, *services.settings.get());
  auto ask = [source = std::move(source)](check::Describer& describer) { return describer.describe(source); };
  const check::DescriptionPtr d = co_await services::on_describer(services, std::move(ask));
  const schema::NodeFunction* function = d->find(row->main_function);
  if (function == nullptr)
    throw Fault(FaultKind::unprocessable, "code_error", fmt::format("node \"{}\": {}", row->name, d->error));
  co_return port_of(*function, d->classes, port);
}

struct Candidate {
  int score = 0;
  json::object view;
};

// Exact fits first, then by how much must be known about the value.
int score_of(const typing::Link& link, const typing::LinkEnd& source, const typing::LinkEnd& target) {
  const bool vague = source.type.kind == schema::Type::Kind::any || target.type.kind == schema::Type::Kind::any;
  int score = link.fits ? 60 : 20;
  if (vague) score = 10;
  else if (source.type == target.type) score += 30;
  else if (link.source.name == link.target.name) score += 20;
  return link.conversion_required ? score - 5 : score;
}

void add_candidates(const Wanted& wanted, const store::PythonNode& row, const schema::NodeDescription& d,
                    const typing::Catalog& catalog, std::vector<Candidate>& out) {
  const schema::NodeFunction* function = d.find(row.main_function);
  if (function == nullptr) return;
  const typing::LinkEnd own{wanted.type, &wanted.classes, {}};
  std::vector<const schema::NodePort*> ports;
  if (wanted.output)
    for (const auto& one : function->inputs) ports.push_back(&one);
  else ports.push_back(&function->output);
  Candidate best;
  for (const auto* port : ports) {
    const typing::LinkEnd other{port->type, &d.classes, {}};
    const typing::LinkEnd& source = wanted.output ? own : other;
    const typing::LinkEnd& target = wanted.output ? other : own;
    const typing::Link link = typing::check_link(source, target, catalog);
    if (!link.compatible) continue;
    const int score = score_of(link, source, target) + (port->required ? 1 : 0);
    if (score <= best.score) continue;
    best.score = score;
    best.view = json::object{{"id", row.id},
                             {"name", row.name},
                             {"description", row.description},
                             {"function", function->name},
                             {"port", port->name},
                             {"type", (wanted.output ? link.target : link.source).name},
                             {"python_type", schema::text(port->type)},
                             {"fits", link.fits},
                             {"conversion_required", link.conversion_required},
                             {"explanation", link.explanation},
                             {"is_converter", row.is_converter},
                             {"score", score}};
  }
  if (best.score > 0) out.push_back(std::move(best));
}

}  // namespace

Task<Reply> compatible_nodes(Services& services, const Request& request) {
  const std::string node = request.text("node").value_or(""), port = request.text("port").value_or("");
  const auto workflow = request.text("workflow"), type = request.text("type");
  const std::int64_t take = request.integer("take", 20, 1, 250);
  Wanted wanted;
  if (type) {
    std::string problem;
    const auto read = typing::read_type(*type, problem);
    if (!read) throw Fault(FaultKind::bad_input, "invalid_query", "type: " + problem);
    wanted.type = *read;
    wanted.output = request.text("direction").value_or("output") != "input";
  } else if (node.empty()) {
    throw Fault(FaultKind::bad_input, "invalid_query",
                "node: required: a library node's id or, with workflow=, a node of that workflow; or give type=");
  } else if (workflow) {
    wanted = co_await port_in_workflow(services, request, *workflow, node, port);
  } else {
    wanted = co_await port_in_library(services, request, node, port);
  }
  auto list = [owner = request.caller->owner_filter()](sqlite::Db& db) { return nodes_with_code(db, owner); };
  const auto rows = co_await services.store.read(std::move(list));
  std::vector<check::NodeSource> sources;
  std::vector<const store::PythonNode*> nodes;
  for (const auto& row : rows) {
    if (row.id == node) continue;
    try {
      sources.push_back(check::source_of(row, *services.settings.get()));
      // On its owner's account: a stranger's slow modules must not use up the caller's share of workers.
      sources.back().who = row.created_by.value_or("");
      nodes.push_back(&row);
    } catch (const Fault&) {
      // Its Python version is not installed, so it fits nowhere.
    }
  }
  const auto descriptions = co_await services::describe_within(services, std::move(sources), kPatience);
  const check::CatalogPtr catalog = co_await services::catalog_of(services, request.caller->user_id);
  const auto pending = std::count(descriptions.begin(), descriptions.end(), nullptr);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (descriptions[i]) add_candidates(wanted, *nodes[i], *descriptions[i], *catalog, candidates);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  json::array out;
  for (auto& candidate : candidates)
    if (out.size() < static_cast<std::size_t>(take)) out.push_back(std::move(candidate.view));
  co_return Reply::of(json::object{{"port", wanted.output ? "output" : "input"},
                                   {"name", wanted.port},
                                   {"python_type", schema::text(wanted.type)},
                                   {"nodes", std::move(out)},
                                   {"count", static_cast<std::int64_t>(candidates.size())},
                                   {"pending", static_cast<std::int64_t>(pending)}});
}

}  // namespace qflow::api
