// The meta text of each frame kind (protocol.md describes the protocol). Plain values; any thread.
// The daemon treats every message from a pyhost as hostile: pack() and unpack() bound sizes and depth, and unpack()
// returns a reason instead of throwing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/frame.hpp"
#include "schema/text/codec.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::schema {

/// configure: the sandbox policy as text (sandbox/policy.hpp reads it) and the modules to import before forking.
struct Packages {
  std::string prefix;    ///< the directory of a virtual environment: sys.prefix
  std::string packages;  ///< its site-packages
  bool alone = false;    ///< the packages of the Python itself are not seen
};
struct Configure {
  std::uint32_t protocol = kProtocolVersion;
  std::string policy;
  std::vector<std::string> modules;
  std::optional<Packages> venv;
};

/// ready: the zygote has started. `modules`: the modules of Configure that it imported; a worker imports the others
/// itself.
struct Ready {
  std::uint32_t protocol = kProtocolVersion;
  std::string python;  ///< e.g. "3.11.2"
  std::vector<std::string> modules;
  std::vector<std::string> notes;    ///< why a module was not pre-imported
  std::vector<std::string> present;  ///< top-level modules available at no cost: loaded, or built in
};

/// spawn: one worker. Carries three or four descriptors: socket, stdout, stderr, and its cgroup's directory if any.
struct Spawn {
  std::string limits;  ///< its own limits, where they are below the policy's (sandbox/policy.hpp reads them); or empty
  bool warm = true;    ///< it will wait for its job: run a little Python first, so that its pages are already private
};

/// exited: a worker's end, as wait4(2) reported it to the zygote. Times in microseconds, memory in KiB.
struct Exited {
  std::int32_t code = -1;   ///< exit status, or -1 when a signal ended it
  std::int32_t signal = 0;  ///< the signal, or 0
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t max_rss_kib = 0;
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
};

/// What one load or call used, as the worker read it by getrusage(2); the daemon bounds it by its own kernel figures.
struct Used {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t peak_rss_kib = 0;  ///< of the worker so far
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t written_bytes = 0;  ///< growth of the worker's own file systems
};

/// refused: the step of the set-up that failed.
struct Refused {
  std::string step;
  std::int32_t error = 0;  ///< errno
  std::string message;
};

/// hello: the worker's self-check of its walls. The daemon compares it with what /proc says from outside.
struct Hello {
  std::uint32_t protocol = kProtocolVersion;
  std::uint32_t checks = 0;         ///< bitmap of sandbox::Check, all that held
  std::optional<std::int32_t> pid;  ///< of a branch: its process id in the sandbox
};

/// load: payload is the source text of one node; of a node of flow there is none.
struct Load {
  std::string file;                     ///< shown in tracebacks
  std::string mark;                     ///< the nonce of output_mark(), the same in every load of a worker
  std::optional<std::string> function;  ///< the function to call; absent: the module's own choice (pyhost/node)
  bool describe = false;                ///< answer with `analysed` first, then describe every function fully
  bool execute = true;                  ///< with `describe`, false means: only read the text
  std::optional<std::string> name;      ///< the node's name, where `file` does not say it: the code is in a file
  /// Instead of a source: a node of flow, {type, parameters, outputs (their names), loop? (the id of the load of the
  /// loop around it)}. Its only function is `flow`, which takes any named arguments.
  std::optional<json::value> flow;
  std::optional<json::value>
      execution;  ///< of a node of flow: what `execution` is there, {id, workflow, mode, started}
};

/// module: the payload is the source of a module that nodes can import as `name`. No answer; before the loads.
struct HelperModule {
  std::string name;  ///< "helpers", "pkg.part"
};

/// file: the payload is the next piece of the file `name` in the directory kInputDirectory of the worker. No answer;
/// before the loads. `name` is one that the daemon made, without a slash.
struct InputPiece {
  std::string name;
};
inline constexpr const char* kInputDirectory = "/node/inputs";

/// One parameter of a function, in signature order.
struct Parameter {
  std::string name;
  std::string kind;  ///< positional, either, keyword
  bool required = true;
  std::string type;                         ///< the annotation's text; empty: none
  std::optional<json::value> shape;         ///< the annotation as to_json(Type) writes it; absent: none, or Any
  std::optional<json::value> initial;       ///< the default, where JSON can express it
  std::optional<std::string> default_text;  ///< the default as Python shows it
  std::optional<std::string> description;   ///< from the docstring
};

/// One function defined at the top level of a node's module.
struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  std::string returns;
  bool var_positional = false;
  bool var_keyword = false;
  std::optional<json::value> positional_shape, named_shape;  ///< of the values that *args and **kwargs take
  std::optional<json::value> returns_shape;  ///< of the value passed on: a coroutine's result, a generator's list
  std::optional<std::string> summary, description, returns_description;  ///< from the docstring
  std::optional<std::int32_t> line;                                      ///< in the node's code, from 1
  std::optional<bool> is_async, is_generator;
  std::optional<bool> is_wrapped;  ///< a decorator in Python stands before it, and may return something else
};

/// loaded: what the module defines, and which function is called.
struct Loaded {
  std::string function;  ///< empty when there is none (a load that only describes)
  std::vector<Function> functions;
  std::vector<std::string> warnings;
  std::optional<json::value> classes;  ///< the classes that shapes mention, as to_json(Classes) writes them
  std::optional<std::vector<std::string>>
      unresolved;  ///< with describe: annotations taken as Any, each with the reason
};

/// Where an argument comes from: the value of an earlier call, or a literal.
struct Argument {
  std::optional<std::string> name;      ///< of the parameter; absent: the next of *args
  std::optional<std::uint32_t> handle;  ///< the id of the call whose value is passed
  std::optional<std::int32_t> item;     ///< with handle: this element of a tuple or list of `width` outputs
  std::optional<std::string> key;       ///< with item: this key instead, if the value is a dict
  std::optional<std::int32_t> width;
  std::optional<json::value> literal;
  std::optional<bool> copy;  ///< with handle: others get the value, too
};

/// analysed: the static analysis of the source; payload is JSON text (description.hpp reads it). The answer to the same
/// load follows.
struct Analysed {};

/// call: a loaded module's function with its arguments.
struct Call {
  std::uint32_t module = 0;  ///< the id of the load
  std::vector<Argument> arguments;
  bool spread = false;  ///< the only argument is a dict, passed by name if its keys cover `required`
  std::uint32_t preview_bytes = 65536;
  std::string types = "warn";             ///< off, warn or strict: see typecheck.hpp
  std::optional<json::value> declared;    ///< types that the code does not annotate: "in NAME", "out" → shape
  bool files = false;                     ///< report file values (pathlib.Path), for use outside the worker
  std::optional<std::string> keep_error;  ///< a failure leaves a value, {error, input}; the text is the node's name
  std::optional<bool> again;              ///< of a loop: the next round, not the first
  std::optional<bool> brief;              ///< of a loop: an answer that goes on needs no preview
  std::optional<std::int64_t> at;         ///< of a loop in a branch: keep the result, go to this item; -1: to no other
  std::optional<bool> several;            ///< several calls will take the value: say whether it is heavy
  /// Nothing is called: it has failed in another process, {type, message, traceback, line?}. Leaves what keep_error
  /// says.
  std::optional<json::value> failed;
  /// It may be called again with the values that it takes now: small ones that JSON does not give back are copied for
  /// it.
  std::optional<bool> again_later;
};

/// A file that a value refers to, as the worker names it. The daemon never uses the name as a path.
struct FileOffer {
  std::string label;   ///< dict key or index within the value, empty for the value itself
  std::string suffix;  ///< of the file's name, e.g. ".svg"
  std::uint64_t size = 0;
  std::optional<std::string> name;  ///< the file's own, e.g. "plot.svg"
};

/// result: a call's value stays in the worker under the call's id.
struct Result {
  std::string type;     ///< e.g. "dict", "list", "collections.Counter"
  std::string preview;  ///< JSON text, bounded by preview_bytes
  bool exact = true;    ///< the preview is the whole value and JSON represents it without loss
  bool truncated = false;
  std::int64_t duration_us = 0;
  Used used;
  std::vector<FileOffer> files;
  std::vector<std::string> warnings;
  std::optional<std::string> inexact_at;     ///< of a value that is not exact: where the first part is that JSON lacks
  std::optional<std::uint64_t> least_bytes;  ///< of a truncated value: at least how large it is as JSON, if it can tell
  std::optional<std::vector<std::int32_t>> live;  ///< of a node of flow: the outputs that carry a value, ascending
  std::optional<std::uint64_t> left;  ///< of a loop that goes on: how many more rounds there will be at least
  std::optional<bool> heavy;          ///< with `several`: it can change, and is too large to be copied for each
};

/// raised: an exception left the node's module or function, or the request cannot be carried out.
struct Raised {
  std::string phase;  ///< load, bind or call
  std::string type;   ///< e.g. "KeyError"
  std::string message;
  std::string traceback;
  std::optional<std::int32_t> line;   ///< in the node's code, from 1
  std::optional<std::int32_t> error;  ///< errno of an OSError
  std::int64_t duration_us = 0;
  Used used;
  std::optional<std::string> preview;    ///< with keep_error: of the value that the failure leaves, as in a result
  std::optional<bool> exact, truncated;  ///< of it
};

/// skipped: this call has no input, because the call with the id `because` has no value.
struct Skipped {
  std::uint32_t because = 0;
};

/// adopt: a branch begins another execution. The value of call `from[i]` is that of call `to[i]` from now on. Others
/// are dropped.
struct Adopt {
  std::vector<std::uint32_t> from, to;
};

/// give: the payloads, one after the other up to the `last`, are a value: that of the call whose id the frame carries.
/// No answer. What cannot be read is missed by the call that needs it.
struct Give {
  std::string encoding = "json";  ///< or "pickle": only what a worker of the same owner and grants has written
  bool last = true;
};

/// fetch: file number `index` of a call's value; with `whole`, the value itself as JSON; with `keep`, the value itself
/// so that `give` gives it back.
struct Fetch {
  std::uint32_t call = 0;
  std::uint32_t index = 0;
  bool whole = false;
  std::uint64_t most = 0;  ///< bytes of a whole value; a larger one ends with an error
  std::optional<bool> keep;
};

/// chunk: payload is the next piece; `last` ends the file. `error` says why it could not be read.
struct Chunk {
  bool last = false;
  std::optional<std::string> error;
  std::optional<std::string> encoding;  ///< of the last piece of a value to keep: json or pickle
};

/// branch: fork yourself; id: the number of the branch. Carries three descriptors: its socket, stdout and stderr.
struct Branch {
  std::string mark;  ///< the nonce of its output marks
};

/// branched: `error`: 0, or the errno for which there is no branch.
struct Branched {
  std::int32_t error = 0;
};

/// pack: hand the value of the call with this frame's id to the worker that you were forked from; `results`: what a
/// loop has collected here, instead.
struct Pack {
  std::uint32_t branch = 0;  ///< the number of the branch, as it was forked from that worker
  bool results = false;
};

/// take: the same value, from the branch of that number.
struct Take {
  std::uint32_t branch = 0;
  bool results = false;
};

/// moved: the answer to pack and take. Bytes of the pickle and its buffers.
struct Moved {
  std::uint64_t bytes = 0;
  std::int64_t duration_us = 0;
};

/// drop: the branch with this frame's id is over. No answer. `pid`: its process id in the sandbox, as it said; 0: none.
struct Drop {
  std::int32_t pid = 0;
};

/// note: what a node tells while it runs; id: its call, or the load of its module. No answer.
struct Note {
  std::string what;                  ///< progress, display, log or state
  std::optional<double> fraction;    ///< of progress, from 0 to 1
  std::optional<std::string> text;   ///< of progress and log; of display: what is left out of it
  std::optional<std::string> level;  ///< of log
  /// display: MIME type → text, or base64 of bytes; log: the fields; state: {"set": {key: value}, "removed": [keys]}
  std::optional<json::value> data;
};

BOOST_DESCRIBE_STRUCT(Packages, (), (prefix, packages, alone))
BOOST_DESCRIBE_STRUCT(Configure, (), (protocol, policy, modules, venv))
BOOST_DESCRIBE_STRUCT(Ready, (), (protocol, python, modules, notes, present))
BOOST_DESCRIBE_STRUCT(Spawn, (), (limits, warm))
BOOST_DESCRIBE_STRUCT(Exited, (), (code, signal, user_us, system_us, max_rss_kib, minor_faults, major_faults))
BOOST_DESCRIBE_STRUCT(Used, (), (user_us, system_us, peak_rss_kib, minor_faults, major_faults, written_bytes))
BOOST_DESCRIBE_STRUCT(Refused, (), (step, error, message))
BOOST_DESCRIBE_STRUCT(Hello, (), (protocol, checks, pid))
BOOST_DESCRIBE_STRUCT(Load, (), (file, mark, function, describe, execute, name, flow, execution))
BOOST_DESCRIBE_STRUCT(HelperModule, (), (name))
BOOST_DESCRIBE_STRUCT(InputPiece, (), (name))
BOOST_DESCRIBE_STRUCT(Parameter, (), (name, kind, required, type, shape, initial, default_text, description))
BOOST_DESCRIBE_STRUCT(Function, (),
                      (name, parameters, returns, var_positional, var_keyword, positional_shape, named_shape,
                       returns_shape, summary, description, returns_description, line, is_async, is_generator,
                       is_wrapped))
BOOST_DESCRIBE_STRUCT(Loaded, (), (function, functions, warnings, classes, unresolved))
BOOST_DESCRIBE_STRUCT(Analysed, (), ())
BOOST_DESCRIBE_STRUCT(Argument, (), (name, handle, item, key, width, literal, copy))
BOOST_DESCRIBE_STRUCT(Call, (),
                      (module, arguments, spread, preview_bytes, types, declared, files, keep_error, again, brief, at,
                       several, failed, again_later))
BOOST_DESCRIBE_STRUCT(FileOffer, (), (label, suffix, size, name))
BOOST_DESCRIBE_STRUCT(Result, (),
                      (type, preview, exact, truncated, duration_us, used, files, warnings, inexact_at, least_bytes,
                       live, left, heavy))
BOOST_DESCRIBE_STRUCT(Raised, (),
                      (phase, type, message, traceback, line, error, duration_us, used, preview, exact, truncated))
BOOST_DESCRIBE_STRUCT(Skipped, (), (because))
BOOST_DESCRIBE_STRUCT(Adopt, (), (from, to))
BOOST_DESCRIBE_STRUCT(Give, (), (encoding, last))
BOOST_DESCRIBE_STRUCT(Fetch, (), (call, index, whole, most, keep))
BOOST_DESCRIBE_STRUCT(Chunk, (), (last, error, encoding))
BOOST_DESCRIBE_STRUCT(Branch, (), (mark))
BOOST_DESCRIBE_STRUCT(Branched, (), (error))
BOOST_DESCRIBE_STRUCT(Pack, (), (branch, results))
BOOST_DESCRIBE_STRUCT(Take, (), (branch, results))
BOOST_DESCRIBE_STRUCT(Moved, (), (bytes, duration_us))
BOOST_DESCRIBE_STRUCT(Drop, (), (pid))
BOOST_DESCRIBE_STRUCT(Note, (), (what, fraction, text, level, data))

/// Appends to `out` the bytes of a frame of `kind` that carries `message`.
template <class Message>
void pack(Kind kind, std::uint32_t id, const Message& message, std::string& out, std::string payload = {}) {
  encode(Frame{kind, id, json::serialize(encode(message)), std::move(payload)}, out);
}

/// Reads a frame's meta text as `Message`; on failure nothing is thrown and `error` names the field and the reason.
template <class Message>
std::optional<Message> unpack(const Frame& frame, std::string& error) {
  const json::value value = parse_json(frame.meta, error);
  if (!error.empty()) return std::nullopt;
  Message message;
  const Problems problems = decode(value, message);
  if (problems.empty()) return message;
  error = problems.front().pointer + ": " + problems.front().what;
  return std::nullopt;
}

/// The bytes that a worker writes to its stdout and stderr to mark the end of the output of load or call `id`.
/// `nonce`: 16 characters, new for each worker. The daemon cuts the streams at these marks (protocol.md, Output).
std::string output_mark(std::string_view nonce, std::uint32_t id);

}  // namespace qflow::schema
