#include "daemon/flow/connection_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace qflow::flow {
namespace {

constexpr std::size_t kMaxEdges = 100'000;

class ConnectionReader {
 public:
  ConnectionReader(Graph& graph, const NodeDirectory& directory, InputProblems& problems)
      : graph_(graph), directory_(directory), problems_(problems) {}

  void read(const json::value& connections) {
    if (const auto* list = connections.if_array()) return read_list(*list);
    const auto* object = connections.if_object();
    if (object == nullptr) return problems_.add("/connections", "expected an object or a list");
    for (const auto& [key, value] : *object) {
      const std::string source(key);
      const std::string pointer = "/connections/" + source;
      if (const auto* array = value.if_array()) {
        read_targets(source, true, 0, *array, pointer);  // flat, without a port name
      } else if (const auto* inner = value.if_object()) {
        const json::value* outputs = inner->if_contains("outputs");
        const bool by_id = outputs != nullptr && outputs->is_object();
        read_outputs(source, !by_id, by_id ? outputs->get_object() : *inner, by_id ? pointer + "/outputs" : pointer);
      } else {
        problems_.add(pointer, "expected an object");
      }
    }
  }

 private:
  // {"main": [[{...}], null, ...]} or {"main": [{...}]}.
  void read_outputs(const std::string& source, bool by_name, const json::object& outputs, const std::string& pointer) {
    for (const auto& [port, value] : outputs) {
      const std::string at = fmt::format("{}/{}", pointer, std::string_view(port));
      const auto* list = value.if_array();
      if (list == nullptr) {
        problems_.add(at, "expected a list");
        continue;
      }
      const bool flat = std::any_of(list->begin(), list->end(), [](const json::value& v) { return v.is_object(); });
      if (flat) {
        read_targets(source, by_name, 0, *list, at);
        continue;
      }
      for (std::size_t output = 0; output < list->size(); ++output) {
        const json::value& targets = (*list)[output];
        if (targets.is_null()) continue;
        const std::string here = fmt::format("{}/{}", at, output);
        if (const auto* array = targets.if_array())
          read_targets(source, by_name, static_cast<int>(output), *array, here);
        else problems_.add(here, "expected a list of targets");
      }
    }
  }

  void read_targets(const std::string& source, bool by_name, int output, const json::array& targets,
                    const std::string& pointer) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const std::string at = fmt::format("{}/{}", pointer, i);
      const auto* target = targets[i].if_object();
      if (target == nullptr) {
        if (!targets[i].is_null()) problems_.add(at, "expected an object with a node");
        continue;
      }
      const Members members(*target, at, problems_);
      const auto node = members.text("node");
      if (!node) {
        problems_.add(members.at("node"), "required");
        continue;
      }
      Edge edge;
      edge.output = output;
      edge.input = index_of(members, "index");
      add(edge, source, *node, by_name, at);
    }
  }

  // [{source: {nodeId, output|port|index|handle}, target: {...}}]
  void read_list(const json::array& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string at = fmt::format("/connections/{}", i);
      const auto* object = list[i].if_object();
      if (object == nullptr) {
        problems_.add(at, "expected an object with source and target");
        continue;
      }
      const Members members(*object, at, problems_);
      Edge edge;
      const auto source = end_of(members, "source", edge.output, edge.output_port);
      const auto target = end_of(members, "target", edge.input, edge.input_port);
      if (source && target) add(edge, *source, *target, false, at);
    }
  }

  std::optional<std::string> end_of(const Members& members, const char* which, int& index,
                                    std::optional<std::string>& port) {
    const json::value* value = members.find(which);
    if (value == nullptr) {
      problems_.add(members.at(which), "required");
      return std::nullopt;
    }
    if (const auto* name = value->if_string()) return text(*name);  // short form: just the node
    const json::object* end = members.object(which);
    if (end == nullptr) return std::nullopt;
    const Members inner(*end, members.at(which), problems_);
    auto node = inner.text("nodeId");
    if (!node) node = inner.text("node");
    if (!node) problems_.add(inner.at("nodeId"), "required");
    for (const char* key : {"output", "port", "index", "handle", "input"}) {
      const json::value* found = inner.find(key);
      if (found == nullptr) continue;
      if (const auto* s = found->if_string()) port = text(*s);
      else index = index_of(inner, key);
    }
    if (port == "main" || port == "default") port.reset();
    return node;
  }

  int index_of(const Members& members, const char* name) {
    const json::value* value = members.find(name);
    if (value == nullptr) return 0;
    boost::system::error_code error;
    const int index = value->to_number<int>(error);
    if (!error && index >= 0 && index < 1000) return index;
    problems_.add(members.at(name), "expected an index from 0");
    return 0;
  }

  void add(Edge edge, const std::string& source, const std::string& target, bool by_name, const std::string& pointer) {
    const auto from = directory_.find(source, by_name);
    const auto to = directory_.find(target, by_name);
    if (!from)
      problems_.add(pointer, fmt::format("connects from \"{}\", which is not a node of this workflow", source),
                    "missing_node");
    if (!to)
      problems_.add(pointer, fmt::format("connects to \"{}\", which is not a node of this workflow", target),
                    "missing_node");
    if (!from || !to) return;
    if (graph_.edges.size() >= kMaxEdges)
      return problems_.add(pointer, fmt::format("more than {} connections", kMaxEdges));
    edge.from = *from;
    edge.to = *to;
    edge.pointer = pointer;
    graph_.edges.push_back(std::move(edge));
  }

  Graph& graph_;
  const NodeDirectory& directory_;
  InputProblems& problems_;
};

}  // namespace

NodeDirectory::NodeDirectory(const std::vector<Node>& nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    ids_.emplace(nodes[i].id, i);
    names_.emplace(nodes[i].name, i);
  }
}

std::optional<std::size_t> NodeDirectory::find(const std::string& key, bool by_name) const {
  const auto& first = by_name ? names_ : ids_;
  const auto& second = by_name ? ids_ : names_;
  if (const auto at = first.find(key); at != first.end()) return at->second;
  if (const auto at = second.find(key); at != second.end()) return at->second;
  return std::nullopt;
}

void read_connections(const json::value& connections, const NodeDirectory& directory, Graph& graph,
                      InputProblems& problems) {
  ConnectionReader(graph, directory, problems).read(connections);
}

}  // namespace qflow::flow
