// What is known of a node's code: its functions with their ports, the classes these mention, its imports and what looks
// dangerous in it. Made from what a worker said, kept with the code's hash. Plain values; any thread.
#pragma once
#include "schema/messages.hpp"
#include "schema/typing/type.hpp"

namespace qflow::schema {

/// A parameter of a function, or its result.
struct NodePort {
  std::string name;
  std::string kind;  ///< positional, either, keyword; output
  Type type;
  std::string written;  ///< the annotation as it stands in the code; empty: none
  bool required = true;
  std::optional<json::value> initial;  ///< the default, where JSON can say it
  std::string default_text;            ///< the default as Python shows it; empty: none
  std::string description;
};

struct NodeFunction {
  std::string name, summary, description;
  std::vector<NodePort> inputs;
  NodePort output;
  bool more_positional = false;      ///< *args
  bool more_named = false;           ///< **kwargs
  Type positional_type, named_type;  ///< of each of those
  bool is_async = false, is_generator = false;
  std::int32_t line = 0;  ///< in the node's code, from 1
};

/// An import, wherever it stands in the code.
struct NodeImport {
  std::string module;  ///< the top-level name
  std::int32_t line = 0;
  bool optional = false;                   ///< under a try that catches its failure, or for type checkers only
  bool top = false;                        ///< outside of functions: the module cannot be imported without it
  bool standard = false;                   ///< part of Python
  bool present = true;                     ///< found in the environment
  std::vector<std::string> distributions;  ///< that provide it, or would
};

/// Something that a reader of the code should know.
struct NodeFinding {
  std::string code, message;
  std::int32_t line = 0;
  std::string needs;  ///< what of the sandbox makes it no finding: network, programs; empty: nothing does
};

struct NodeDescription {
  std::string source = "live";  ///< live: the functions themselves were asked; static: only the text was read
  std::string function;         ///< the one that is called; empty: there is none
  std::vector<NodeFunction> functions;
  Classes classes;
  std::vector<NodeImport> imports;
  std::vector<NodeFinding> findings;
  std::vector<std::string> warnings;
  std::vector<std::string> unresolved;  ///< annotations that are taken as Any, each with the reason
  std::string error;                    ///< why the module cannot be executed; empty: it can
  std::int32_t error_line = 0;

  /// The one by this name, or the one that is called when the name is empty; null for none.
  const NodeFunction* find(std::string_view name) const;
};

/// Adds what a worker's `analysed` said; `text` is hostile. False: it is no JSON object.
bool take_analysed(std::string_view text, NodeDescription& into);
/// Adds the functions and classes of a worker's `loaded`, which is hostile: they take the place of the static ones.
void take_loaded(const Loaded& loaded, NodeDescription& into);
/// One function of a `loaded`.
NodeFunction function_of(const Function& function);

json::object to_json(const NodeDescription& description);
NodeDescription description_from_json(const json::value& from);

}  // namespace qflow::schema
