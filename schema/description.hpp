// The description of a node's code: its functions with their ports, the classes that these mention, its imports and
// anything that looks dangerous. Made from a worker's answers, kept under the code's hash. Plain values; any thread.
#pragma once
#include "schema/messages.hpp"
#include "schema/typing/type.hpp"

namespace qflow::schema {

/// A parameter of a function, or its result.
struct NodePort {
  std::string name;
  std::string kind;  ///< positional, either, keyword; output
  Type type;
  std::string written;  ///< the annotation as written in the code; empty: none
  bool required = true;
  std::optional<json::value> initial;  ///< the default, where JSON can express it
  std::string default_text;            ///< the default as Python shows it; empty: none
  std::string description;
};

struct NodeFunction {
  std::string name, summary, description;
  std::vector<NodePort> inputs;
  NodePort output;
  bool more_positional = false;      ///< *args
  bool more_named = false;           ///< **kwargs
  Type positional_type, named_type;  ///< of each extra argument
  bool is_async = false, is_generator = false;
  bool is_wrapped = false;  ///< what it returns is what its decorator makes of it
  std::int32_t line = 0;    ///< in the node's code, from 1
};

/// An import, wherever it stands in the code.
struct NodeImport {
  std::string module;  ///< the top-level name
  std::int32_t line = 0;
  bool optional = false;                   ///< under a try that catches its failure, or for type checkers only
  bool top = false;                        ///< outside functions: the module cannot be imported without it
  bool standard = false;                   ///< part of Python's standard library
  bool present = true;                     ///< found in the environment
  std::vector<std::string> distributions;  ///< packages that provide it, or would
};

/// Something that a reader of the code should know.
struct NodeFinding {
  std::string code, message;
  std::int32_t line = 0;
  std::string needs;  ///< the grant under which this is not a finding: network, programs; empty: none
};

struct NodeDescription {
  std::string source = "live";  ///< live: read from the functions themselves; static: only from the text
  std::string function;         ///< the function that is called; empty: none
  std::vector<NodeFunction> functions;
  Classes classes;
  std::vector<NodeImport> imports;
  std::vector<NodeFinding> findings;
  std::vector<std::string> warnings;
  std::vector<std::string> unresolved;  ///< annotations taken as Any, each with the reason
  std::string error;                    ///< why the module cannot be executed; empty: it can
  std::int32_t error_line = 0;

  /// The function of this name, or the called function when the name is empty; null if there is none.
  const NodeFunction* find(std::string_view name) const;
};

/// Adds the content of a worker's `analysed`; `text` is hostile. Returns false if it is not a JSON object.
bool take_analysed(std::string_view text, NodeDescription& into);
/// Adds the functions and classes of a worker's `loaded`, which is hostile: they replace the static ones.
void take_loaded(const Loaded& loaded, NodeDescription& into);
/// Describes one function of a `loaded`.
NodeFunction function_of(const Function& function);

json::object to_json(const NodeDescription& description);
NodeDescription description_from_json(const json::value& from);

}  // namespace qflow::schema
