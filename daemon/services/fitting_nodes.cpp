#include "daemon/services/fitting_nodes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/services/checking.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/typing/convert_node.hpp"
#include "daemon/typing/link.hpp"

namespace qflow::services {
namespace {

// Descriptions that take longer go on in the background; the next call has them.
constexpr auto kReadPatience = std::chrono::milliseconds(1500);
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

// The port of a node called `name`, whose code is `source` and whose function is `function`.
Task<Wanted> port_in_code(Services& services, check::NodeSource source, std::string name, std::string function,
                          std::string port) {
  auto ask = [source = std::move(source)](check::Describer& describer) { return describer.describe(source); };
  const check::DescriptionPtr d = co_await on_describer(services, std::move(ask));
  const schema::NodeFunction* found = d->find(function);
  if (found == nullptr)
    throw Fault(FaultKind::unprocessable, "code_error", fmt::format("node \"{}\": {}", name, d->error));
  co_return port_of(*found, d->classes, port);
}

// A port of a workflow's node. Described from the workflow's plan, because the node may import other nodes of it.
Task<Wanted> port_in_workflow(Services& services, const auth::Caller& caller, const PortQuestion& question) {
  auto job = [id = *question.workflow, owner = caller.owner_filter()](sqlite::Db& db) {
    return own_workflow(db, id, owner);
  };
  const store::Workflow w = co_await services.store.read(std::move(job));
  flow::Plan plan = flow::make_plan(graph_of(w), *services.settings.get());
  const auto step = std::find_if(plan.steps.begin(), plan.steps.end(), [&](const flow::Step& one) {
    return one.node.id == question.node || one.node.name == question.node;
  });
  if (step == plan.steps.end()) throw missing("node", question.node);
  const auto index = static_cast<std::size_t>(step - plan.steps.begin());
  check::NodeSource source = check::sources_of(plan, caller.user_id)[index];
  auto port =
      port_in_code(services, std::move(source), step->node.name, step->node.function.value_or(""), question.port);
  Wanted wanted = co_await std::move(port);
  co_return wanted;
}

Task<Wanted> port_in_library(Services& services, const auth::Caller& caller, const PortQuestion& question) {
  auto job = [id = question.node, owner = caller.owner_filter()](sqlite::Db& db) {
    return store::find_python_node(db, id, owner);
  };
  const auto row = co_await services.store.read(std::move(job));
  if (!row) throw missing("node", question.node);
  check::NodeSource source = check::source_of(*row, *services.settings.get());
  auto port = port_in_code(services, std::move(source), row->name, row->main_function, question.port);
  Wanted wanted = co_await std::move(port);
  co_return wanted;
}

Task<Wanted> wanted_port(Services& services, const auth::Caller& caller, const PortQuestion& question) {
  Wanted wanted;
  if (question.type) {
    std::string problem;
    const auto read = typing::read_type(*question.type, problem);
    if (!read) throw Fault(FaultKind::bad_input, "invalid_query", "type: " + problem);
    wanted.type = *read;
    wanted.output = question.output;
  } else if (question.workflow) {
    wanted = co_await port_in_workflow(services, caller, question);
  } else {
    wanted = co_await port_in_library(services, caller, question);
  }
  co_return wanted;
}

int score_of(const typing::Link& link, const typing::LinkEnd& source, const typing::LinkEnd& target) {
  const bool vague = source.type.kind == schema::Type::Kind::any || target.type.kind == schema::Type::Kind::any;
  int score = link.fits ? 60 : 20;
  if (vague) score = 10;
  else if (source.type == target.type) score += 30;
  else if (link.source.name == link.target.name) score += 20;
  return link.conversion_required ? score - 5 : score;
}

void add_if_fitting(const Wanted& wanted, const store::PythonNode& row, const schema::NodeDescription& d,
                    const typing::Catalog& catalog, std::vector<FittingNode>& out) {
  const schema::NodeFunction* function = d.find(row.main_function);
  if (function == nullptr) return;
  const typing::LinkEnd own{wanted.type, &wanted.classes, {}};
  std::vector<const schema::NodePort*> ports;
  if (wanted.output)
    for (const auto& one : function->inputs) ports.push_back(&one);
  else ports.push_back(&function->output);
  FittingNode best;
  for (const auto* port : ports) {
    const typing::LinkEnd other{port->type, &d.classes, {}};
    const typing::LinkEnd& source = wanted.output ? own : other;
    const typing::LinkEnd& target = wanted.output ? other : own;
    const typing::Link link = typing::check_link(source, target, catalog);
    if (!link.compatible) continue;
    const int score = score_of(link, source, target) + (port->required ? 1 : 0);
    if (score <= best.score) continue;
    best.score = score;
    best.port = port->name;
    best.type = (wanted.output ? link.target : link.source).name;
    best.python_type = schema::text(port->type);
    best.fits = link.fits;
    best.conversion_required = link.conversion_required;
    best.explanation = link.explanation;
  }
  if (best.score == 0) return;
  best.id = row.id;
  best.name = row.name;
  best.description = row.description;
  best.function = function->name;
  best.is_converter = row.is_converter;
  out.push_back(std::move(best));
}

}  // namespace

Task<FittingNodes> fitting_nodes(Services& services, const auth::Caller& caller, PortQuestion question,
                                 std::size_t most) {
  const Wanted wanted = co_await wanted_port(services, caller, question);
  auto list = [owner = caller.owner_filter()](sqlite::Db& db) { return nodes_with_code(db, owner); };
  const auto rows = co_await services.store.read(std::move(list));
  std::vector<check::NodeSource> sources;
  std::vector<const store::PythonNode*> nodes;
  for (const auto& row : rows) {
    if (row.id == question.node) continue;
    try {
      sources.push_back(check::source_of(row, *services.settings.get()));
      // On its owner's account: a stranger's slow modules must not use up the caller's share of workers.
      sources.back().who = row.created_by.value_or("");
      nodes.push_back(&row);
    } catch (const Fault&) {
      // Its Python version is not installed, so it fits nowhere.
    }
  }
  const auto descriptions = co_await describe_within(services, std::move(sources), kReadPatience);
  const check::CatalogPtr catalog = co_await catalog_of(services, caller.user_id);
  FittingNodes out;
  out.output = wanted.output;
  out.port = wanted.port;
  out.type = wanted.type;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (descriptions[i]) add_if_fitting(wanted, *nodes[i], *descriptions[i], *catalog, out.nodes);
    else ++out.pending;
  }
  std::stable_sort(out.nodes.begin(), out.nodes.end(),
                   [](const FittingNode& a, const FittingNode& b) { return a.score > b.score; });
  out.all = out.nodes.size();
  if (out.nodes.size() > most) out.nodes.resize(most);
  co_return out;
}

}  // namespace qflow::services
