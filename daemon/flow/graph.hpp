// A workflow after normalisation: nodes by index, edges by index, whatever shape it came in. Plain values; any thread.
#pragma once
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::flow {
namespace json = boost::json;

/// What the engine does with a node.
enum class NodeRole {
  code,     ///< runs Python
  flow,     ///< decides, repeats or joins: `control` says how
  pass,     ///< disabled: its first input becomes its output
  entry,    ///< a trigger: its output is the execution's input
  ignored,  ///< a note on the canvas
  unknown,  ///< a type this release does not run; kept, refused when executed
};

/// What a node of flow does (README.md, "Nodes of flow").
enum class Control { none, if_, switch_, filter, merge, set, for_each, while_, wait, workflow, respond, stop };
constexpr bool is_loop(Control control) { return control == Control::for_each || control == Control::while_; }
/// Whether one of its outputs may carry no value.
constexpr bool is_choice(Control control) { return control == Control::if_ || control == Control::switch_; }

/// How to treat values and connections that are not of the declared types (schema/types.md 6): `off` ignores them;
/// `warn` makes the outer type an error and the types inside a warning; `strict` makes both an error.
enum class TypeChecks { off, warn, strict };
constexpr const char* word(TypeChecks checks) {
  return checks == TypeChecks::off ? "off" : checks == TypeChecks::strict ? "strict" : "warn";
}

/// Whether steps that do not need one another run at the same time: where it pays (`automatic`), wherever they can, or
/// never.
enum class Parallel { automatic, on, off };

/// What becomes of an execution whose process has ended: it is marked, goes on from what was kept, or begins again.
enum class OnCrash { crashed, resume, restart };
/// Which values are kept beyond their worker: where losing them would cost more than keeping them does (`automatic`),
/// all, or none but for waits.
enum class Checkpoint { automatic, all, none };

/// The sandbox that a workflow or a node asks for; what it leaves out is the installation's.
struct SandboxRequest {
  std::optional<sandbox::Network> network;
  std::optional<std::uint64_t> memory;     ///< bytes, all processes together
  std::optional<double> cpu;               ///< processors, all processes together
  std::optional<double> time;              ///< seconds of wall clock for each node
  std::optional<std::uint64_t> tmp;        ///< bytes, each of /tmp, /dev/shm and /node
  std::optional<std::uint32_t> processes;  ///< and threads
  std::optional<bool> programs;            ///< whether programs may be started
};

/// What becomes of an execution when as many of its workflow run as may.
enum class Overlap {
  queue,           ///< it waits
  skip,            ///< it does not run
  cancel_running,  ///< the oldest of them are ended
};

/// How many executions of a workflow run at the same time.
struct ConcurrencySetting {
  unsigned limit = 0;  ///< 0: any number
  Overlap overlap = Overlap::queue;
  std::string key;  ///< a Python expression over the input: those of the same value are counted together; empty: all
};

/// What becomes of the execution when a node has failed.
enum class OnError {
  stop,     ///< it has failed
  regular,  ///< the error is the node's value
  output,   ///< the error is the value of one more output, the last
};

/// How often a node is tried.
struct Tries {
  unsigned most = 1;
  double wait_ms = 1000;          ///< before the second
  double backoff = 1;             ///< each further wait is so many times the one before
  double jitter = 0;              ///< of a wait, up to this part is added at random
  std::vector<std::string> only;  ///< exceptions for which it is tried again; empty: all that can end differently
};

/// That a node's value is used again where nothing of what it depends on has changed.
struct CacheSetting {
  std::optional<double> ttl;  ///< seconds for which it may be; nothing: any time
  std::string key;            ///< with another text, what is cached is not found
};

struct Node {
  std::string id, name, type;
  NodeRole role = NodeRole::code;
  Control control = Control::none;
  json::object control_parameters;  ///< of a node of flow, as written
  OnError on_error = OnError::stop;
  Tries tries;
  std::optional<CacheSetting> cache;
  bool idempotent = false;  ///< it may run again when it is not known whether it has
  std::string code;
  std::string file;  ///< a file next to the flow instead of code (qflow run)
  std::optional<std::string> function;
  std::optional<std::string> python_version;
  SandboxRequest sandbox;
  std::vector<std::string> ports;    ///< parameter of each input index, if the workflow names them
  json::object literals;             ///< parameters.inputs: values for parameters that no edge feeds
  std::vector<std::string> outputs;  ///< names of the declared outputs; fewer than two: the value as a whole
  std::map<std::string, std::string> port_types;  ///< types that the workflow gives ports: "in x", "out y" → name
  /// The type that the workflow gives the value as a whole: of its only output, or of an output "output". Empty: none.
  std::string whole_output_type() const {
    const auto found = port_types.find("out output");
    if (found != port_types.end()) return found->second;
    const auto first = port_types.lower_bound("out ");
    const bool only = outputs.size() < 2 && first != port_types.end() && first->first.starts_with("out ");
    return only ? first->second : std::string();
  }
  std::string pointer;         ///< of the node in the document: "/nodes/3"
  std::string inputs_pointer;  ///< of `literals`
};

struct Edge {
  std::size_t from = 0, to = 0;
  int output = 0, input = 0;
  std::optional<std::string> output_port, input_port;
  std::string pointer;  ///< in the document
};

struct Graph {
  std::string name;
  std::optional<std::string> python_version;
  std::string container;   ///< settings.container: the environment to run in
  SandboxRequest sandbox;  ///< for nodes that ask for nothing themselves
  TypeChecks types = TypeChecks::warn;
  Parallel parallel = Parallel::automatic;
  std::optional<OnCrash> on_crash;  ///< nothing: what the execution's mode says
  Checkpoint checkpoint = Checkpoint::automatic;
  ConcurrencySetting concurrency;
  std::string error_workflow;                  ///< the id of the workflow that runs when this one fails; empty: none
  std::optional<double> timeout;               ///< seconds for the whole execution
  std::map<std::string, std::string> modules;  ///< "helpers", "pkg.part" → source: what nodes import by that name
  std::vector<Node> nodes;
  std::vector<Edge> edges;  ///< in the order of the document
};

}  // namespace qflow::flow
