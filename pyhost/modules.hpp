// The nodes' modules: compiled, executed and described. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "pyhost/annotations.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// What was asked cannot be done, for a reason that is not an exception of the node's code. `type` names it as Python
/// would.
class Unusable : public std::runtime_error {
 public:
  Unusable(std::string type_name, const std::string& message)
      : std::runtime_error(message), type(std::move(type_name)) {}
  std::string type;
};

/// A node's module after its top level has run.
struct Module {
  std::string file;    ///< the name its code was compiled under
  std::string source;  ///< for tracebacks
  pybind11::object module;
  pybind11::object function;         ///< the one that calls run; null when described only
  schema::Function signature;        ///< of `function`
  std::vector<schema::Type> inputs;  ///< of the signature's parameters
  schema::Type positional, named;    ///< of what *args and **kwargs take
  schema::Type output;
  bool wrapped = false;      ///< by a decorator, which may take and give other types than what it wraps declares
  bool by_position = false;  ///< such a decorator takes *args: what can be given by position is
  MentionedClasses classes;  ///< that these types mention
};

/// All modules of one worker, by the id of their load.
class Modules {
 public:
  /// Compiles and executes `source`. Modules are importable by later ones as `nodes.NAME`, NAME being the file's name
  /// without ".py", or the node's. Throws error_already_set from the code, Unusable when there is no function to call.
  /// `load.function` may be dotted: a method of a class is called on an object made without arguments.
  schema::Loaded load(std::uint32_t id, const schema::Load& load, const std::string& source);
  const Module* find(std::uint32_t id) const;
  /// The source compiled under `file`, or null.
  const std::string* source_of(const std::string& file) const;
  /// Drops every module and its entry in sys.modules.
  void forget_all();

 private:
  pybind11::object new_module(const std::string& file);
  static std::vector<std::pair<std::string, pybind11::object>> own_functions(const Module& entry);
  static pybind11::object named_function(const Module& entry, const std::string& name);
  static schema::Loaded take_function(Module& entry, const schema::Load& load);
  static schema::Loaded describe_all(Module& entry, const schema::Load& load);
  static void choose(Module& entry, pybind11::object function, schema::Function signature);
  std::unordered_map<std::uint32_t, Module> modules_;
};

/// A node's code, compiled. Throws error_already_set for a SyntaxError, Unusable for what is no text.
pybind11::object compile_node(const std::string& file, const std::string& source);

}  // namespace qflow::pyhost
