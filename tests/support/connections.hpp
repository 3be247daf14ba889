// Connections of a workflow, as tests write them. Any thread.
#pragma once
#include <boost/json/value.hpp>

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

}  // namespace qflow::test
