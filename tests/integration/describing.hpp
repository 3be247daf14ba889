// Helpers shared by the tests of descriptions.
#pragma once
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

namespace qflow::test::describing {

inline Daemon& daemon() {
  static Daemon one;
  return one;
}

inline std::vector<std::string> pythons() {
  std::vector<std::string> out;
  const Answer settings = daemon().get("/settings");
  for (const auto& version : settings["python"].at("available_versions").as_array()) out.push_back(text(version));
  return out;
}

inline int minor(const std::string& version) { return std::stoi(version.substr(2)); }

inline json::object describe(const std::string& code, const std::string& python, bool execute = true,
                             json::object more = {}) {
  more["code"] = code;
  more["python_version"] = python;
  more["execute"] = execute;
  const Answer answer = daemon().post("/nodes/python/validate", more);
  INFO(json::serialize(answer["errors"]));
  if (execute && !more.contains("broken")) CHECK(answer["valid"] == true);
  return answer["description"].as_object();
}

inline const json::object& function(const json::object& description, const std::string& name) {
  for (const auto& one : description.at("functions").as_array())
    if (text(one.at("name")) == name) return one.as_object();
  FAIL("no function " << name << " in " << json::serialize(description).substr(0, 2000));
  throw 0;
}

inline const json::object& port(const json::object& description, const std::string& of, const std::string& name) {
  for (const auto& one : function(description, of).at("inputs").as_array())
    if (text(one.at("name")) == name) return one.as_object();
  FAIL("no port " << name);
  throw 0;
}

inline const json::object& output(const json::object& description, const std::string& of) {
  return function(description, of).at("outputs").as_array().front().as_object();
}

}  // namespace qflow::test::describing
