// The nodes' modules: compiled, executed and described. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "pyhost/types/annotations.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// A request that cannot be carried out, for a reason that is not an exception in the node's code. `type` names the
/// reason as Python would.
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
  pybind11::object function;         ///< the function that calls run; null when the module is only described
  schema::Function signature;        ///< of `function`
  std::vector<schema::Type> inputs;  ///< of the signature's parameters
  schema::Type positional, named;    ///< of the values that *args and **kwargs take
  schema::Type output;
  bool wrapped = false;      ///< by a decorator, whose types may differ from those that the wrapped function declares
  bool by_position = false;  ///< such a decorator takes *args: arguments are given by position where they can be
  MentionedClasses classes;  ///< that these types mention
};

/// All modules of one worker, by the id of their load.
class Modules {
 public:
  /// Compiles and executes `source`. Later modules can import the module as `nodes.NAME`, where NAME is the file's name
  /// without ".py", or the node's. Throws error_already_set from the code, Unusable when there is no function to call.
  /// `load.function` may be dotted: a method of a class is called on an object made without arguments. Without it,
  /// `main` is called, the function named like the file, or the only one that nothing else in the module uses.
  schema::Loaded load(std::uint32_t id, const schema::Load& load, const std::string& source);
  const Module* find(std::uint32_t id) const;
  /// The source compiled under `file`, or null.
  const std::string* source_of(const std::string& file) const;
  /// The ids are free again; the modules stay in sys.modules: another execution begins in this process.
  void begin_again();
  /// Drops every module and its entry in sys.modules.
  void forget_all();

 private:
  pybind11::object new_module(const std::string& file, const std::string& source);
  static std::vector<std::pair<std::string, pybind11::object>> own_functions(const Module& entry);
  static pybind11::object named_function(const Module& entry, const std::string& name);
  static schema::Loaded take_function(Module& entry, const schema::Load& load);
  static schema::Loaded describe_all(Module& entry, const schema::Load& load);
  static void choose(Module& entry, pybind11::object function, schema::Function signature);
  std::unordered_map<std::uint32_t, Module> modules_;
  std::vector<Module> before_;  ///< of executions before
};

/// Compiles a node's code. Throws error_already_set for a SyntaxError, Unusable for source that is not text.
pybind11::object compile_node(const std::string& file, const std::string& source);

}  // namespace qflow::pyhost
