// The part of Lane that says why a worker is gone: the kernel's word, not the worker's.
#include <fmt/format.h>

#include <csignal>
#include <cstring>

#include "daemon/engine/lane.hpp"
#include "daemon/flow/sandbox_request.hpp"

namespace qflow::engine {
namespace {

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("signal {} ({}{})", signal, name == nullptr ? "?" : "SIG", name == nullptr ? "" : name);
}

NodeError error_with(const char* type, std::string message, Cause cause) {
  return {type, std::move(message), "", std::nullopt, cause};
}

}  // namespace

const LaneRequest& Lane::lost_at() const {
  if (!expected_.empty()) return expected_.front();
  return fetching_ ? *fetching_ : last_;
}

Task<NodeError> Lane::why_lost() {
  workers::End end = worker_->end();
  if (!violation_.empty()) end = workers::End::protocol;
  std::optional<schema::Exited> exited;
  if (end == workers::End::closed) {
    exited = co_await worker_->wait_exit(std::chrono::milliseconds(300));
    if (worker_->out_of_memory()) end = workers::End::memory;
  }
  if (end == workers::End::protocol) worker_->kill(end);
  NodeError error = error_of(end, exited);
  co_return error;
}

NodeError Lane::error_of(workers::End end, const std::optional<schema::Exited>& exited) const {
  switch (end) {
    case workers::End::protocol:
      return error_with("ProtocolViolation",
                        "the worker broke the protocol: " + (violation_.empty() ? worker_->end_detail() : violation_),
                        Cause::protocol_violation);
    case workers::End::timed_out:
      return time_error();
    case workers::End::cpu:
      return processor_error();
    case workers::End::memory:
      return error_with(
          "MemoryLimit",
          fmt::format("it held more memory than its limit of {}; sandbox.memory of the node or the workflow, up to the "
                      "installation's --memory, sets it",
                      flow::size_text(limits().memory)),
          Cause::memory_limit);
    case workers::End::processes:
      return error_with("ProcessLimit",
                        fmt::format("it started more processes than its limit of {} (sandbox.processes, up to the "
                                    "installation's --processes)",
                                    limits().processes),
                        Cause::process_limit);
    case workers::End::output:
      return error_with(
          "OutputLimit",
          fmt::format(
              "it wrote more to its standard output or error than the limit of {}; write large results to a file "
              "and return its path",
              flow::size_text(settings_.max_output_bytes)),
          Cause::output_limit);
    default:
      return error_of_exit(exited);
  }
}

NodeError Lane::time_error() const {
  if (expected_.empty())
    return error_with("TimedOut", fmt::format("handing over its files took longer than {} s", kFetchPatience.count()),
                      Cause::timed_out);
  const LaneRequest& request = expected_.front();
  return error_with("TimedOut",
                    fmt::format("it ran longer than its time limit of {} s (sandbox.time){}", request.seconds,
                                request.load() ? " while its module was loaded" : ""),
                    Cause::timed_out);
}

NodeError Lane::processor_error() const {
  const double share = limits().cpu_millis / 1000.0;
  const LaneRequest& request = lost_at();
  return error_with(
      "TimedOut",
      fmt::format("it used more processor time than its limit of {} s (sandbox.cpu {} for sandbox.time {} s){}",
                  share * request.seconds, share, request.seconds,
                  request.load() ? " while its module was loaded" : ""),
      Cause::timed_out);
}

// How a worker ended that the daemon did not end. It still lives only if a node has closed its channel.
NodeError Lane::error_of_exit(const std::optional<schema::Exited>& exited) const {
  NodeError error = error_with("WorkerDied", "it closed the worker's channel", Cause::crashed);
  std::string& how = error.message;
  if (worker_->zygote_lost()) how = "the zygote that it was forked from ended, and the worker with it";
  else if (exited && exited->signal == SIGKILL)
    how = "it was killed from outside with " + signal_text(SIGKILL) + " (an operator, or the host short of memory)";
  else if (exited && exited->signal == SIGSYS) {
    how = "it was terminated by " + signal_text(SIGSYS) +
          ": a refused system call, of another architecture or with that signal blocked";
    error.cause = Cause::denied;
  } else if (exited && exited->signal != 0) how = "it was terminated by " + signal_text(exited->signal);
  else if (exited && exited->code == 70) how = "it could not read what the daemon sent";
  else if (exited && exited->code != 71) how = fmt::format("it ended the process with exit status {}", exited->code);
  how += " before it returned";
  return error;
}

}  // namespace qflow::engine
