#include "daemon/flow/workflow_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cctype>
#include <set>
#include <unordered_map>

#include "daemon/base/members.hpp"
#include "daemon/base/text.hpp"
#include "daemon/flow/connection_reader.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/control_problems.hpp"
#include "daemon/flow/control_types.hpp"
#include "daemon/flow/error_settings.hpp"
#include "daemon/flow/sandbox_request.hpp"
#include "daemon/typing/convert_node.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/pointer.hpp"

namespace qflow::flow {
namespace {

constexpr std::size_t kMaxNodes = 10'000;
constexpr std::size_t kMaxModules = 200;
constexpr std::size_t kMaxModuleBytes = 4U << 20U;

NodeRole role_of(const std::string& type, bool disabled) {
  if (type == "n8n-nodes-base.stickyNote") return NodeRole::ignored;
  if (disabled) return NodeRole::pass;
  if (type == "qflow.python" || type == "python" || type == "qflow.convert") return NodeRole::code;
  if (control_of(type) != Control::none) return NodeRole::flow;
  if (type == "n8n-nodes-base.manualTrigger" || type == "qflow.trigger") return NodeRole::entry;
  return NodeRole::unknown;
}

// [{name, type}] or ["name"] or "a, b".
std::vector<std::string> names_in(const json::value& value, const std::string& pointer, InputProblems& problems) {
  std::vector<std::string> names;
  if (const auto* s = value.if_string()) {
    std::string_view rest(s->data(), s->size());
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      std::string_view part = rest.substr(0, comma);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
      part = part.substr(0, part.find_last_not_of(' ') + 1);
      if (!part.empty()) names.emplace_back(part);
    }
    return names;
  }
  const auto* array = value.if_array();
  if (array == nullptr) {
    problems.add(pointer, "expected a list of names");
    return names;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const json::value& element = (*array)[i];
    const json::value* name = element.is_object() ? element.get_object().if_contains("name") : &element;
    if (name != nullptr && name->is_string()) names.push_back(text(name->get_string()));
    else problems.add(fmt::format("{}/{}", pointer, i), "expected a name or an object with a name");
  }
  return names;
}

// [{name, type}]
void read_port_types(const json::value& list, const std::string& side, Node& node) {
  if (!list.is_array()) return;
  for (const auto& one : list.get_array()) {
    const json::object* port = one.if_object();
    if (port == nullptr) continue;
    const json::value* name = port->if_contains("name");
    const json::value* type = port->if_contains("type");
    // To an editor, "main" is a kind of connection, not a type.
    if (name != nullptr && name->is_string() && type != nullptr && type->is_string() && type->get_string() != "main")
      node.port_types[side + text(name->get_string())] = text(type->get_string());
  }
}

// Reads from, to and items of a qflow.convert node; its code follows from them.
void read_conversion(const Members& from, Node& node) {
  const auto type = [&](const char* name) {
    const auto written = from.text(name);
    std::string problem;
    const auto read = written ? typing::read_type(*written, problem) : schema::Type::any();
    if (!read) from.problems().add(from.at(name), problem);
    return read.value_or(schema::Type::any());
  };
  if (!from.find("to"))
    from.problems().add(from.at("to"), "required: the type to convert to, such as \"integer\" or \"list[int]\"");
  const schema::Type source = type("from"), target = type("to");
  if (const auto part = typing::unconvertible(target))
    from.problems().add(from.at("to"),
                        fmt::format("there is no conversion to {}; write one as a node of your own", *part));
  node.code = typing::convert_code(source, target, from.flag("items").value_or(false));
  node.function = "convert";
}

// true, or {"ttl": seconds, "key": text}
void read_cache(const json::value& value, const Members& from, Node& node) {
  if (value.is_bool()) {
    node.cache.reset();
    if (value.get_bool()) node.cache.emplace();
    return;
  }
  const json::object* object = value.if_object();
  if (object == nullptr) return from.problems().add(from.at("cache"), "expected true, false or {ttl, key}");
  const Members members(*object, from.at("cache"), from.problems());
  for (const auto& one : *object)
    if (one.key() != "ttl" && one.key() != "key")
      from.problems().add(members.at(one.key()), "there is no such member; expected ttl or key");
  node.cache.emplace();
  node.cache->ttl = members.positive("ttl");
  node.cache->key = members.text("key", 1000).value_or("");
}

// Settings of a Python node may stand in the node itself, in `data` or in `parameters` (n8n); later ones
// win, because the editor edits those (README.md, "Accepted shapes").
void read_settings(const Members& from, Node& node) {
  if (auto v = from.text("code")) node.code = without_mark(std::move(*v));
  if (auto v = from.text("file")) node.file = std::move(*v);
  if (auto v = from.text("main_function")) node.function = std::move(v);
  if (auto v = from.text("function"); v && !v->empty()) node.function = std::move(v);
  if (auto v = from.text("python_version"); v && !v->empty()) node.python_version = std::move(v);
  if (auto v = from.positive("timeout")) node.sandbox.time = v;
  if (auto v = from.flag("idempotent")) node.idempotent = *v;
  if (const auto* v = from.find("cache")) read_cache(*v, from, node);
  if (auto v = read_size(from, "memory", kLeastMemory)) node.sandbox.memory = v;
  read_sandbox(from, node.sandbox);
  if (const auto* v = from.find("ports")) node.ports = names_in(*v, from.at("ports"), from.problems());
  if (const auto* v = from.find("outputs")) {
    node.outputs = names_in(*v, from.at("outputs"), from.problems());
    read_port_types(*v, "out ", node);
  }
  if (const auto* v = from.find("inputs")) {
    // A list declares ports; a map gives values.
    node.inputs_pointer = from.at("inputs");
    if (const auto* object = v->if_object()) node.literals = *object;
    else if (const auto* written = v->if_string(); written != nullptr && written->starts_with("{")) {
      // An editor stores a JSON field like this.
      std::string error;
      const json::value parsed = schema::parse_json({written->data(), written->size()}, error);
      if (parsed.is_object()) node.literals = parsed.get_object();
      else from.problems().add(from.at("inputs"), "is text that is not JSON: " + error);
    } else if (v->is_array()) {
      if (node.ports.empty()) node.ports = names_in(*v, from.at("inputs"), from.problems());
      read_port_types(*v, "in ", node);
    } else from.problems().add(from.at("inputs"), "expected an object of values or a list of ports");
  }
}

Node read_node(const json::object& object, std::size_t index, InputProblems& problems) {
  const Members members(object, fmt::format("/nodes/{}", index), problems);
  Node node;
  const auto id = members.text("id");
  const auto name = members.text("name");
  const json::object* data = members.object("data");
  const json::object* parameters = members.object("parameters");
  std::optional<std::string> label;
  if (data != nullptr) label = Members(*data, members.at("data"), problems).text("label");
  node.name = name ? *name : label ? *label : id.value_or("");
  node.id = id ? *id : node.name;
  if (node.name.empty()) problems.add(members.at("name"), "a node needs an id or a name");
  node.type = members.text("type").value_or("qflow.python");
  node.role = role_of(node.type, members.flag("disabled").value_or(false));
  node.pointer = members.at("").substr(0, members.at("").size() - 1);
  node.inputs_pointer = members.at("parameters/inputs");
  if (node.role == NodeRole::flow) node.control = control_of(node.type);
  if (node.role != NodeRole::code && node.role != NodeRole::flow) return node;
  if (node.role == NodeRole::flow) {
    for (const json::object* from : {&object, data, parameters})
      if (from != nullptr) read_control(*from, node);
  }
  read_settings(members, node);
  read_error_settings(members, node);
  if (data != nullptr) read_error_settings(Members(*data, members.at("data"), problems), node);
  if (data != nullptr) read_settings(Members(*data, members.at("data"), problems), node);
  if (parameters != nullptr) read_settings(Members(*parameters, members.at("parameters"), problems), node);
  if (node.role == NodeRole::flow) settle_outputs(node);
  if (node.type == "qflow.convert") {
    if (parameters != nullptr) read_conversion(Members(*parameters, members.at("parameters"), problems), node);
    else read_conversion(members, node);
  }
  return node;
}

// Names are made unique by a suffix, ids must be unique.
void settle_identities(Graph& graph, InputProblems& problems) {
  std::set<std::string> names, ids;
  std::unordered_map<std::string, int> next;  // suffix to try, so that a thousand equal names cost a thousand tries
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    const std::string wanted = node.name;
    while (!names.insert(node.name).second) node.name = wanted + std::to_string(++next[wanted]);
    if (!ids.insert(node.id).second)
      problems.add(fmt::format("/nodes/{}/id", i), fmt::format("\"{}\" is the id of another node too", node.id),
                   "duplicate_node");
  }
}

bool is_module_name(std::string_view name) {
  bool start = true;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '.' ? start : start && std::isdigit(u) != 0) return false;
    if (c != '.' && c != '_' && std::isalnum(u) == 0 && u < 0x80) return false;
    start = c == '.';
  }
  return !start && name.size() <= 200;
}

bool is_taken(const std::string& name, const std::string& package) {
  return name == package || name.starts_with(package + ".");
}

// {"helpers": "source", "pkg.part": "source"}
void read_modules(const json::object& modules, Graph& graph, InputProblems& problems) {
  std::size_t bytes = 0;
  if (modules.size() > kMaxModules) problems.add("/modules", fmt::format("more than {} modules", kMaxModules));
  for (const auto& [key, value] : modules) {
    const std::string name(key);
    const std::string at = "/modules/" + schema::escape_pointer(name);
    if (!is_module_name(name) || is_taken(name, "nodes") || is_taken(name, "qflow")) {
      problems.add(at, "expected the name of a module, such as helpers or pkg.part (nodes and qflow are taken)");
    } else if (!value.is_string()) {
      problems.add(at, "expected the module's source as a string");
    } else if ((bytes += value.get_string().size()) > kMaxModuleBytes) {
      return problems.add(at, fmt::format("the modules are larger than {} MiB together", kMaxModuleBytes >> 20U));
    } else {
      graph.modules[name] = without_mark(text(value.get_string()));
    }
  }
  // import pkg.part imports pkg first.
  for (const auto& [key, value] : modules)
    for (std::string name(key); name.find('.') != std::string::npos && graph.modules.count(name) != 0;) {
      name.resize(name.rfind('.'));
      graph.modules.emplace(name, "");
    }
}

// A member that is one of a few words; nothing: it is absent, or another word, which is a problem.
template <class E>
std::optional<E> read_word(const Members& members, const char* name,
                           std::initializer_list<std::pair<const char*, E>> words) {
  const auto asked = members.text(name);
  if (!asked) return std::nullopt;
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) {
    if (*asked == word) return meaning;
    known.push_back(fmt::format("\"{}\"", word));
  }
  const std::string last = known.back();
  known.pop_back();
  members.problems().add(members.at(name), fmt::format("expected {} or {}", fmt::join(known, ", "), last));
  return std::nullopt;
}

// {"limit": 1, "policy": "queue", "key": "value['customer']"}
ConcurrencySetting read_concurrency(const Members& settings) {
  ConcurrencySetting out;
  const json::object* object = settings.object("concurrency");
  if (object == nullptr) return out;
  const Members members(*object, settings.at("concurrency"), settings.problems());
  const auto limit = members.number("limit", 1, 10'000);
  if (limit && *limit == std::floor(*limit)) out.limit = static_cast<unsigned>(*limit);
  else if (limit || !members.has("limit"))
    settings.problems().add(members.at("limit"),
                            "expected how many executions may run at a time, a whole number from 1");
  out.overlap = read_word<Overlap>(
                    members, "policy",
                    {{"queue", Overlap::queue}, {"skip", Overlap::skip}, {"cancel_running", Overlap::cancel_running}})
                    .value_or(Overlap::queue);
  out.key = members.text("key", 10'000).value_or("");
  if (const std::string problem = expression_problem(out.key); !out.key.empty() && !problem.empty())
    settings.problems().add(members.at("key"), problem);
  return out;
}

}  // namespace

namespace {

Graph read_all(const json::object& workflow, InputProblems& problems, bool go_on) {
  const Members members(workflow, "", problems);
  Graph graph;
  graph.name = members.text("name").value_or("");
  graph.python_version = members.text("python_version");
  if (const json::object* settings = members.object("settings"); settings != nullptr && !graph.python_version)
    graph.python_version = Members(*settings, "/settings", problems).text("python_version");
  if (graph.python_version && graph.python_version->empty()) graph.python_version.reset();
  if (const json::object* settings = members.object("settings"))
    graph.container = Members(*settings, "/settings", problems).text("container").value_or("");
  if (const json::object* settings = members.object("settings"))
    read_sandbox(Members(*settings, "/settings", problems), graph.sandbox);
  read_sandbox(members, graph.sandbox);
  if (const json::object* settings = members.object("settings")) {
    const Members inner(*settings, "/settings", problems);
    graph.types =
        read_word<TypeChecks>(inner, "types",
                              {{"off", TypeChecks::off}, {"warn", TypeChecks::warn}, {"strict", TypeChecks::strict}})
            .value_or(TypeChecks::warn);
    graph.parallel = read_word<Parallel>(inner, "parallel",
                                         {{"auto", Parallel::automatic}, {"on", Parallel::on}, {"off", Parallel::off}})
                         .value_or(Parallel::automatic);
    graph.on_crash = read_word<OnCrash>(
        inner, "onCrash", {{"crashed", OnCrash::crashed}, {"resume", OnCrash::resume}, {"restart", OnCrash::restart}});
    graph.checkpoint =
        read_word<Checkpoint>(inner, "checkpoint",
                              {{"auto", Checkpoint::automatic}, {"all", Checkpoint::all}, {"none", Checkpoint::none}})
            .value_or(Checkpoint::automatic);
    graph.concurrency = read_concurrency(inner);
    graph.timeout = inner.positive("timeout");
    graph.error_workflow = inner.text("errorWorkflow").value_or("");
    if (const auto n8n = inner.number("executionTimeout", -1, 1e9); n8n && *n8n > 0 && !graph.timeout)
      graph.timeout = n8n;
  }
  if (const json::object* modules = members.object("modules")) read_modules(*modules, graph, problems);
  if (const json::value* nodes = members.find("nodes")) {
    const auto* list = nodes->if_array();
    if (list == nullptr) problems.add("/nodes", "expected a list of nodes");
    else if (list->size() > kMaxNodes) problems.add("/nodes", fmt::format("more than {} nodes", kMaxNodes));
    else
      for (std::size_t i = 0; i < list->size(); ++i) {
        if (const auto* object = (*list)[i].if_object()) graph.nodes.push_back(read_node(*object, i, problems));
        else problems.add(fmt::format("/nodes/{}", i), "expected an object");
      }
  }
  if (!go_on) problems.throw_if_any();
  // Connections name nodes as the document does, so they are read before names are made unique.
  const NodeDirectory directory(graph.nodes);
  settle_identities(graph, problems);
  if (const json::value* connections = members.find("connections"))
    read_connections(*connections, directory, graph, problems);
  if (!go_on) problems.throw_if_any();
  return graph;
}

}  // namespace

Graph read_workflow(const json::object& workflow) {
  InputProblems problems("invalid_workflow");
  return read_all(workflow, problems, false);
}

Graph read_workflow(const json::object& workflow, json::array& problems) {
  InputProblems found("invalid_workflow");
  Graph graph = read_all(workflow, found, true);
  problems = found.list();
  return graph;
}

}  // namespace qflow::flow
