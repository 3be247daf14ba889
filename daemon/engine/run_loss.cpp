// The part of Run that says why a worker is gone: the kernel's word, not the worker's.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "daemon/engine/run.hpp"
#include "daemon/engine/sandbox_request.hpp"

namespace qflow::engine {
namespace {

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("signal {} ({}{})", signal, name == nullptr ? "?" : "SIG", name == nullptr ? "" : name);
}

}  // namespace

// What a node used that did not live to tell: what its worker used in all, less what the nodes before it did.
workers::Usage Run::remaining_usage(std::size_t step) const {
  workers::Usage rest = worker_->usage();
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (i == step || plan_.steps[i].group != plan_.steps[step].group) continue;
    const workers::Usage& other = outcome_.steps[i].usage;
    rest.user_us = std::max<std::int64_t>(0, rest.user_us - other.user_us);
    rest.system_us = std::max<std::int64_t>(0, rest.system_us - other.system_us);
    rest.minor_faults = std::max<std::int64_t>(0, rest.minor_faults - other.minor_faults);
    rest.major_faults = std::max<std::int64_t>(0, rest.major_faults - other.major_faults);
  }
  const StepRun& run = outcome_.steps[step];
  rest.written_bytes = static_cast<std::int64_t>(run.standard_output.text.size() + run.standard_output.dropped +
                                                 run.standard_error.text.size() + run.standard_error.dropped);
  return rest;
}

// How a worker that nobody here has ended came to its end; only if a node has closed its channel does it still live.
NodeError Run::explain_exit(const std::optional<schema::Exited>& exited) const {
  NodeError error{"WorkerDied", "it closed the worker's channel", "", {}, Cause::crashed};
  std::string& how = error.message;
  if (worker_->zygote_lost()) how = "the zygote that it was forked from ended, and it with that";
  else if (exited && exited->signal == SIGKILL)
    how = "it was killed from outside with " + signal_text(SIGKILL) + " (an operator, or the host short of memory)";
  else if (exited && exited->signal == SIGSYS) {
    how = "it was ended by " + signal_text(SIGSYS) +
          ": a refused system call, of another architecture or with that signal blocked";
    error.cause = Cause::denied;
  } else if (exited && exited->signal != 0) how = "it was ended by " + signal_text(exited->signal);
  else if (exited && exited->code == 70) how = "it could not read what the daemon sent";
  else if (exited && exited->code != 71) how = fmt::format("it ended the process with exit status {}", exited->code);
  how += " before it returned";
  return error;
}

// The worker is gone, or has to go: what was running is what failed, and the kernel says why.
Task<> Run::explain_loss() {
  if (cancelled_) co_return;
  const std::size_t step = expected_.empty() ? fetching_.value_or(plan_.steps.size() - 1) : expected_.front().step;
  const bool loading = !expected_.empty() && expected_.front().load;
  const sandbox::Limits& limits = worker_->limits();
  workers::End end = worker_->end();
  if (!violation_.empty()) end = workers::End::protocol;
  std::optional<schema::Exited> exited;
  if (end == workers::End::closed) {
    exited = co_await worker_->wait_exit(std::chrono::milliseconds(300));
    if (worker_->out_of_memory()) end = workers::End::memory;
  }
  const char* when = loading ? " while its module was loaded" : "";
  NodeError error;
  switch (end) {
    case workers::End::protocol:
      worker_->kill(workers::End::protocol);
      error = {"ProtocolViolation",
               "the worker broke the protocol: " + (violation_.empty() ? worker_->end_detail() : violation_),
               "",
               {},
               Cause::protocol_violation};
      break;
    case workers::End::timed_out:
      error = {"TimedOut",
               expected_.empty()
                   ? fmt::format("handing over its files took longer than {} s", kFetchPatience.count())
                   : fmt::format("it ran longer than its time limit of {} s{}", plan_.steps[step].timeout, when),
               "",
               {},
               Cause::timed_out};
      break;
    case workers::End::cpu: {
      const double share = limits.cpu_millis / 1000.0;
      error = {
          "TimedOut",
          fmt::format("it used more processor time than its limit of {} s (sandbox.cpu {} for sandbox.time {} s){}",
                      share * plan_.steps[step].timeout, share, plan_.steps[step].timeout, when),
          "",
          {},
          Cause::timed_out};
      break;
    }
    case workers::End::memory:
      error = {"MemoryLimit",
               fmt::format("it held more memory than its limit of {}", size_text(limits.memory)),
               "",
               {},
               Cause::memory_limit};
      break;
    case workers::End::processes:
      error = {"ProcessLimit",
               fmt::format("it started more processes than its limit of {}", limits.processes),
               "",
               {},
               Cause::process_limit};
      break;
    case workers::End::output:
      error = {"OutputLimit",
               fmt::format("it wrote more to its standard output or error than the limit of {}",
                           size_text(pool_.settings().max_output_bytes)),
               "",
               {},
               Cause::output_limit};
      break;
    default:
      error = explain_exit(exited);
  }
  const std::uint32_t id = loading ? load_id(step) : call_id(step);
  if (!expected_.empty()) collect_output(step, id);
  if (measured_) outcome_.steps[step].usage = remaining_usage(step);
  outcome_.status = Status::failed;
  fail_step(step, std::move(error));
}

}  // namespace qflow::engine
