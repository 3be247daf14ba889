// Documents of workflows, as tests write them. Any thread.
#pragma once
#include <boost/json.hpp>

#include <string>
#include <vector>

namespace qflow::test {

/// {"a > b", "if.true > c", "c > each.1"}: output names behind the source, input indexes behind the target.
inline boost::json::array connections_of(const std::vector<std::string>& edges) {
  boost::json::array out;
  for (const std::string& written : edges) {
    const auto arrow = written.find(" > ");
    const std::string from = written.substr(0, arrow), to = written.substr(arrow + 3);
    boost::json::object source, target;
    source["nodeId"] = from.substr(0, from.find('.'));
    target["nodeId"] = to.substr(0, to.find('.'));
    if (const auto dot = from.find('.'); dot != std::string::npos) source["output"] = from.substr(dot + 1);
    if (const auto dot = to.find('.'); dot != std::string::npos) target["input"] = std::stoi(to.substr(dot + 1));
    out.push_back(boost::json::object{{"source", std::move(source)}, {"target", std::move(target)}});
  }
  return out;
}

/// A node of code whose name is its id; `more` are members beside the code (node() of http.hpp: parameters).
inline boost::json::object code(const std::string& id, const std::string& text, boost::json::object more = {}) {
  boost::json::object made{{"id", id}, {"name", id}, {"code", text}};
  for (const auto& [key, value] : more) made[key] = value;
  return made;
}

/// A node of flow: type "if" is `qflow.if`.
inline boost::json::object flow_node(const std::string& id, const std::string& type,
                                     boost::json::object parameters = {}) {
  return {{"id", id}, {"name", id}, {"type", "qflow." + type}, {"parameters", std::move(parameters)}};
}

/// Nodes, connections as of `connections_of`, and `settings`.
inline boost::json::object flow_of(boost::json::array nodes, const std::vector<std::string>& edges,
                                   boost::json::object settings = {}) {
  return {{"name", "flow"},
          {"nodes", std::move(nodes)},
          {"connections", connections_of(edges)},
          {"settings", std::move(settings)}};
}

}  // namespace qflow::test
