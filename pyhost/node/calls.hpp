// Calls and the table of values they leave behind. A value passes from node to node by handle: it is never copied or
// serialised on the way. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pyhost/flow/flow_nodes.hpp"
#include "pyhost/node/modules.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// A function returned what cannot pass on: a value that does not fit its declared type, a file that is not there.
/// `type` names the reason.
class BadOutput : public std::runtime_error {
 public:
  BadOutput(std::string type_name, const std::string& message)
      : std::runtime_error(message), type(std::move(type_name)) {}
  std::string type;
};

/// Paths of the files a value refers to, inside the sandbox.
using PathList = std::vector<std::string>;

/// Measures the time since its construction, on the monotonic clock.
class Stopwatch {
 public:
  std::int64_t microseconds() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The values of one worker, by the id of the call that made them, and the calls that failed.
class Calls {
 public:
  /// The first failed or missing call among the inputs of `call`, if any.
  std::optional<std::uint32_t> failed_input(const schema::Call& call) const;

  /// Binds the arguments, calls the function, keeps the value under `id` and describes it. Throws error_already_set
  /// from the code, Unusable when an argument is missing or not of its type or an output cannot be picked, BadOutput.
  schema::Result run(std::uint32_t id, const schema::Call& call, const Module& module);
  /// The same for a node of flow, whose arguments are named by their ports.
  schema::Result run(std::uint32_t id, const schema::Call& call, FlowNodes& nodes);
  /// Call `id` is skipped: it leaves no value, not even that of a round before.
  void drop(std::uint32_t id) { values_.erase(id); }
  /// Call `id` has failed. It leaves no value, or the error and its inputs as one
  /// (schema::Call::keep_error), whose preview goes into `raised`.
  void fail(std::uint32_t id, const schema::Call& call, schema::Raised& raised);

  /// Keeps the values of `adopt` under their new ids, and nothing else: another execution begins in this process.
  void adopt(const schema::Adopt& adopt);
  /// Takes the value of call `id`, which ran in another worker. `exact`: JSON gives it back.
  void give(std::uint32_t id, pybind11::object value, bool exact) {
    values_[id] = std::move(value);
    if (exact) inexact_.erase(id);
    else inexact_.insert(id);
  }
  /// Records why the value of call `id` could not be read (empty: no memory); a call that needs the value cannot run.
  void lose(std::uint32_t id, std::string why) { lost_[id] = std::move(why); }
  bool needs_lost(const schema::Call& call) const { return find_lost(call) != nullptr; }
  std::string lost_reason(const schema::Call& call) const { return *find_lost(call); }

  /// The value of call `id`, or null.
  const pybind11::object* value(std::uint32_t id) const;
  /// The files offered with the result of call `id`, or null.
  const PathList* files_of(std::uint32_t id) const;

 private:
  const std::string* find_lost(const schema::Call& call) const;
  pybind11::object value_of(const schema::Argument& argument, std::vector<std::string>* warnings = nullptr) const;
  void show(std::uint32_t id, const pybind11::object& value, const schema::Call& call, schema::Result& out);
  std::unordered_map<std::uint32_t, pybind11::object> values_;
  std::unordered_map<std::uint32_t, PathList> files_;
  std::unordered_map<std::uint32_t, std::string> lost_;
  std::unordered_set<std::uint32_t> inexact_;  ///< values that JSON does not give back
  bool again_later_ = false;                   ///< the present call may be made again with the same values
};

}  // namespace qflow::pyhost
