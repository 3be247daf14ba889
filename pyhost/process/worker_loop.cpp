#include "pyhost/process/worker_loop.hpp"

#include <fcntl.h>
#include <pybind11/pybind11.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>
#include <optional>

#include "pyhost/node/calls.hpp"
#include "pyhost/node/describe.hpp"
#include "pyhost/node/helper_modules.hpp"
#include "pyhost/node/modules.hpp"
#include "pyhost/node/qflow_module.hpp"
#include "pyhost/node/raised.hpp"
#include "pyhost/process/branches.hpp"
#include "pyhost/process/file_pieces.hpp"
#include "pyhost/process/interpreter.hpp"
#include "pyhost/process/preparation.hpp"
#include "pyhost/process/usage_meter.hpp"
#include "pyhost/process/value_pieces.hpp"
#include "pyhost/values/passing.hpp"
#include "sandbox/denied.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"
#include "schema/text/parse_json.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

class Worker {
 public:
  Worker() : pid_(::getpid()), qflow_([this](const schema::Note& note) { pass_on(note); }) {}

  template <class Message>
  void send(schema::Kind kind, std::uint32_t id, const Message& message, std::string payload = {}) {
    out_.clear();
    schema::pack(kind, id, message, out_, std::move(payload));
    if (!sandbox::write_all(sandbox::kControlFd, out_)) ::_exit(kChannelLost);
  }

  void serve() {
    static char bytes[65536];
    for (;;) {
      while (auto frame = decoder_.next()) handle(*frame);
      if (!decoder_.error().empty()) ::_exit(kUnreadable);
      const ssize_t got = sandbox::receive_into(sandbox::kControlFd, bytes, kMostFds, fds_);
      if (got == 0) ::_exit(0);  // the daemon has no more work for us
      if (got < 0) ::_exit(kChannelLost);
      decoder_.feed({bytes, static_cast<std::size_t>(got)});
    }
  }

 private:
  static constexpr int kChannelLost = 71;  // EX_OSERR of sysexits(3): a node has closed our socket
  static constexpr int kUnreadable = 70;   // EX_SOFTWARE: a frame from the daemon that is not valid

  void handle(const schema::Frame& frame) {
    std::string error;
    switch (frame.kind) {
      case schema::Kind::load:
        if (const auto load = schema::unpack<schema::Load>(frame, error))
          return on_load(frame.id, *load, frame.payload);
        break;
      case schema::Kind::call:
        if (const auto call = schema::unpack<schema::Call>(frame, error)) return on_call(frame.id, *call);
        break;
      case schema::Kind::fetch:
        if (const auto fetch = schema::unpack<schema::Fetch>(frame, error)) return on_fetch(frame.id, *fetch);
        break;
      case schema::Kind::module:
        if (const auto module = schema::unpack<schema::HelperModule>(frame, error))
          return on_module(*module, frame.payload);
        break;
      case schema::Kind::file:
        if (const auto piece = schema::unpack<schema::InputPiece>(frame, error)) return on_file(*piece, frame.payload);
        break;
      case schema::Kind::give:
        if (const auto give = schema::unpack<schema::Give>(frame, error))
          return on_give(frame.id, *give, frame.payload);
        break;
      case schema::Kind::state:
        return on_state(frame.payload);
      case schema::Kind::adopt:
        if (const auto adopt = schema::unpack<schema::Adopt>(frame, error)) return on_adopt(*adopt);
        break;
      case schema::Kind::branch:
        if (const auto branch = schema::unpack<schema::Branch>(frame, error)) return on_branch(frame.id, *branch);
        break;
      case schema::Kind::pack:
        if (const auto pack = schema::unpack<schema::Pack>(frame, error)) return on_pack(frame.id, *pack);
        break;
      case schema::Kind::take:
        if (const auto take = schema::unpack<schema::Take>(frame, error)) return on_take(frame.id, *take);
        break;
      case schema::Kind::drop:
        if (const auto drop = schema::unpack<schema::Drop>(frame, error)) return branches_.drop(frame.id, drop->pid);
        break;
      default:
        break;
    }
    ::_exit(kUnreadable);
  }

  void on_module(const schema::HelperModule& module, const std::string& source) {
    try {
      add_helper_module(module.name, source);
    } catch (const std::exception&) {  // out of memory: the import that needs it fails
      PyErr_Clear();
    }
  }

  // What does not fit is missed by the node that reads it.
  static void on_file(const schema::InputPiece& piece, const std::string& bytes) {
    ::mkdir(schema::kInputDirectory, 0700);
    const std::string path = std::string(schema::kInputDirectory) + "/" + piece.name;
    const sandbox::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd) sandbox::write_all(fd.get(), bytes);
  }

  void on_give(std::uint32_t id, const schema::Give& give, const std::string& piece) {
    try {
      given_ += piece;
      if (!give.last) return;
      const std::string whole = std::exchange(given_, {});
      calls_.give(id, value_of_text(whole, give.encoding), give.encoding == "json");
    } catch (py::error_already_set& raised) {  // the call that needs it reports it
      lose(id, raised.matches(PyExc_MemoryError) ? "" : first_line(raised.what()));
    } catch (const std::bad_alloc&) {
      lose(id, "");
    } catch (const std::exception& problem) {
      lose(id, problem.what());
    }
  }

  // `why`: empty: there was no memory for it.
  void lose(std::uint32_t id, std::string why) {
    PyErr_Clear();
    given_ = std::string();
    calls_.lose(id, std::move(why));
  }

  void on_state(const std::string& changes) {
    try {
      qflow_.take_state(changes);
    } catch (const std::exception&) {  // out of memory: a node that looks finds the state as it was
      PyErr_Clear();
    }
  }

  // Only while something is asked for that it can be ascribed to; not from a process that the node has forked.
  void pass_on(const schema::Note& note) {
    if (telling_ != 0 && ::getpid() == pid_) send(schema::Kind::note, telling_, note);
  }

  // In the branch this returns to serve(), which goes on with the branch's own socket.
  void on_branch(std::uint32_t id, const schema::Branch& branch) {
    if (fds_.size() < kMostFds) ::_exit(kUnreadable);
    flush_standard_streams();
    std::vector<sandbox::UniqueFd> channels;
    for (std::size_t i = 0; i < kMostFds; ++i) channels.push_back(std::move(fds_[i]));
    fds_.erase(fds_.begin(), fds_.begin() + kMostFds);
    const pid_t pid = branches_.fork(id, channels);
    if (pid != 0) return send(schema::Kind::branched, id, schema::Branched{pid < 0 ? errno : 0});
    begin_branch(branch);
  }

  void begin_branch(const schema::Branch& branch) {
    pid_ = ::getpid();
    decoder_ = schema::Decoder();
    fds_.clear();
    given_.clear();
    usage_ = UsageMeter();
    usage_.take();
    send(schema::Kind::hello, 0, schema::Hello{schema::kProtocolVersion, sandbox::run_checks(), pid_});
    use_mark(branch.mark);
    try {
      reseed_after_fork();
      leave_heap_shared();
    } catch (const std::exception&) {
      PyErr_Clear();
    }
  }

  // What cannot be done here is missed by the calls that need it.
  void on_adopt(const schema::Adopt& adopt) {
    try {
      flow_.begin_again();
      modules_.begin_again();
      calls_.adopt(adopt);
      qflow_.begin_again();
    } catch (const std::exception&) {
      PyErr_Clear();
    }
  }

  void use_mark(const std::string& mark) {
    mark_ = mark;
    sandbox::report_denials_as(std::string_view(schema::output_mark(mark_, 0)).substr(0, sandbox::kMarkLength));
  }

  void on_pack(std::uint32_t id, const schema::Pack& pack) {
    const Stopwatch watch;
    try {
      const py::object* value = calls_.value(id);
      const py::object results = pack.results ? flow_.results(id - 1) : py::object();
      if (value == nullptr && !pack.results) throw Unusable("LookupError", "there is no such value");
      const std::uint64_t bytes = send_value(branches_.to(pack.branch), pack.results ? results : *value);
      answer_moved(id, bytes, watch);
    } catch (const std::exception& problem) {
      answer_unmoved(id, "pack", problem);
    }
  }

  void on_take(std::uint32_t id, const schema::Take& take) {
    const Stopwatch watch;
    try {
      std::uint64_t bytes = 0;
      py::object value = receive_value(branches_.from(take.branch), bytes);
      if (take.results) flow_.add_results(id - 1, value);
      else calls_.give(id, std::move(value), false);
      answer_moved(id, bytes, watch);
    } catch (const std::exception& problem) {
      answer_unmoved(id, "take", problem);
    }
  }

  void answer_moved(std::uint32_t id, std::uint64_t bytes, const Stopwatch& watch) {
    only_in_parent();
    end_output(id);
    send(schema::Kind::moved, id, schema::Moved{bytes, watch.microseconds()});
  }

  void answer_unmoved(std::uint32_t id, const char* phase, const std::exception& problem) {
    only_in_parent();
    PyErr_Clear();
    end_output(id);
    send(schema::Kind::raised, id, raised(phase, "NotTransferable", first_line(problem.what())));
  }

  void on_load(std::uint32_t id, const schema::Load& load, const std::string& source) {
    use_mark(load.mark);
    telling_ = load.describe ? 0 : id;
    if (load.execution) {
      qflow_.set_execution(*load.execution);
      flow_.set_execution(*load.execution);
    }
    if (load.describe) {
      if (auto said = analyse(source)) send(schema::Kind::analysed, id, schema::Analysed{}, std::move(*said));
      watch_forks();
      if (!load.execute) return answer_unexecuted(id, load, source);
    }
    try {
      const schema::Loaded loaded = load.flow ? flow_.load(id, load) : modules_.load(id, load, source);
      only_in_parent();
      usage_.take(false);
      end_output(id);
      send(schema::Kind::loaded, id, loaded);
    } catch (py::error_already_set& raised) {
      fail(id, raised, "load", load.file, 0);
    } catch (const Unusable& unusable) {
      only_in_parent();
      end_output(id);
      send(schema::Kind::raised, id, raised("load", unusable.type, unusable.what()));
    } catch (const std::exception& error) {
      fail(id, "load", error);
    }
  }

  // The source is only to be read, not run; it must still be Python.
  void answer_unexecuted(std::uint32_t id, const schema::Load& load, const std::string& source) {
    try {
      compile_node(load.file, source);
      end_output(id);
      send(schema::Kind::loaded, id, schema::Loaded{});
    } catch (py::error_already_set& raised) {
      fail(id, raised, "load", load.file, 0);
    } catch (const Unusable& unusable) {
      end_output(id);
      send(schema::Kind::raised, id, raised("load", unusable.type, unusable.what()));
    }
  }

  void on_call(std::uint32_t id, const schema::Call& call) {
    if (calls_.needs_lost(call)) {
      calls_.drop(id);
      end_output(id);
      const std::string problem = calls_.lost_reason(call);
      return send(schema::Kind::raised, id,
                  problem.empty()
                      ? raised("call", "MemoryError", "the value of another node did not fit into its worker")
                      : raised("call", "ValueLost", "a value that it takes could not be read here: " + problem));
    }
    if (const auto because = calls_.failed_input(call)) {
      calls_.drop(id);
      end_output(id);
      usage_.take(false);
      return send(schema::Kind::skipped, id, schema::Skipped{*because});
    }
    if (call.failed) return answer_elsewhere(id, *call.failed, call);
    telling_ = id;
    qflow_.begin();
    const Stopwatch watch;
    const bool flow = flow_.has(call.module);
    const Module* module = modules_.find(call.module);
    const std::string file = flow ? flow_.file_of(call.module) : module == nullptr ? "" : module->file;
    try {
      if (module == nullptr && !flow) throw Unusable("LookupError", "the module of this call was not loaded");
      schema::Result result = flow ? calls_.run(id, call, flow_) : calls_.run(id, call, *module);
      only_in_parent();
      for (std::string& warning : qflow_.end(true)) result.warnings.push_back(std::move(warning));
      result.used = usage_.take();
      end_output(id);
      send(schema::Kind::result, id, result);
    } catch (py::error_already_set& raised) {
      fail(id, raised, "call", file, watch.microseconds(), &call);
    } catch (const Unusable& unusable) {
      answer_failure(id, raised("bind", unusable.type, unusable.what()), &call);
    } catch (const BadOutput& wrong) {
      answer_failure(id, raised("call", wrong.type, wrong.what()), &call);
    } catch (const std::exception& error) {
      fail(id, "call", error, &call);
    }
  }

  void on_fetch(std::uint32_t id, const schema::Fetch& fetch) {
    const ChunkSink to = [&](const schema::Chunk& chunk, std::string bytes) {
      only_in_parent();
      send(schema::Kind::chunk, id, chunk, std::move(bytes));
    };
    if (fetch.whole) return hand_out_whole(calls_.value(fetch.call), fetch.most, to);
    if (fetch.keep) return hand_out_kept(calls_.value(fetch.call), fetch.most, to);
    const PathList* files = calls_.files_of(fetch.call);
    if (files == nullptr || fetch.index >= files->size())
      return send(schema::Kind::chunk, id, schema::Chunk{true, "no such file in this value", std::nullopt});
    read_in_pieces((*files)[fetch.index],
                   [&](std::string_view piece, bool last, const std::optional<std::string>& error) {
                     send(schema::Kind::chunk, id, schema::Chunk{last, error, std::nullopt}, std::string(piece));
                   });
  }

  void fail(std::uint32_t id, py::error_already_set& raised, const char* phase, const std::string& file,
            std::int64_t duration_us, const schema::Call* call = nullptr) {
    only_in_parent(raised);
    schema::Raised message = describe(raised, modules_, file);
    message.phase = phase;
    message.duration_us = duration_us;
    message.used = usage_.take();
    answer_failure(id, message, call);
  }

  // `call`: what failed, unless it was a load.
  void answer_failure(std::uint32_t id, schema::Raised message, const schema::Call* call) {
    only_in_parent();
    if (call != nullptr) {
      forget_state_changes();
      calls_.fail(id, *call, message);
    }
    end_output(id);
    send(schema::Kind::raised, id, message);
  }

  // The call has failed in another process.
  void answer_elsewhere(std::uint32_t id, const schema::json::value& said, const schema::Call& call) {
    schema::Raised message = failure_of(said);
    message.used = usage_.take();
    answer_failure(id, std::move(message), &call);
  }

  void forget_state_changes() {
    try {
      qflow_.end(false);
    } catch (const std::exception&) {
      PyErr_Clear();
    }
  }

  // A C++ exception, not a Python one: out of memory, or a value that does not match its type.
  void fail(std::uint32_t id, const char* phase, const std::exception& error, const schema::Call* call = nullptr) {
    only_in_parent();
    PyErr_Clear();
    const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    answer_failure(id, raised(phase, memory ? "MemoryError" : "TypeError", memory ? "" : error.what()), call);
  }

  schema::Raised raised(const char* phase, std::string type, std::string text) {
    schema::Raised message;
    message.phase = phase;
    message.type = std::move(type);
    message.message = std::move(text);
    message.used = usage_.take();
    return message;
  }

  // A child that node code forked also returns here; it is not the worker (sandbox/README.md, "Traps").
  void only_in_parent() const {
    if (::getpid() == pid_) return;
    flush_standard_streams();
    ::_exit(0);
  }

  // Such a child ends with an exception: as `python` would.
  void only_in_parent(py::error_already_set& raised) const {
    if (::getpid() == pid_) return;
    const int status = exit_status(raised);
    flush_standard_streams();
    ::_exit(status);
  }

  void end_output(std::uint32_t id) {
    telling_ = 0;
    flush_standard_streams();
    const std::string mark = schema::output_mark(mark_, id);
    // A node may have closed them; then there is nobody to tell.
    sandbox::write_all(STDOUT_FILENO, mark);
    sandbox::write_all(STDERR_FILENO, mark);
  }

  static constexpr std::size_t kMostFds = 3;  // that come with a frame

  pid_t pid_;
  schema::Decoder decoder_;
  std::vector<sandbox::UniqueFd> fds_;  ///< received, and not used yet
  std::string given_;                   ///< of a value that comes in pieces, so far
  Branches branches_;
  std::string mark_;
  std::string out_;
  Modules modules_;
  FlowNodes flow_;
  Calls calls_;
  QflowModule qflow_;
  std::uint32_t telling_ = 0;  ///< the request that works now
  UsageMeter usage_;
};

}  // namespace

void become_worker(const sandbox::InnerSandbox& inner, const sandbox::WorkerFds& fds, bool warm) {
  const sandbox::StepFailure failure = inner.enter(fds);
  if (failure.step != nullptr) {
    std::string out;
    schema::pack(schema::Kind::refused, 0, schema::Refused{failure.step, failure.error, std::strerror(failure.error)},
                 out);
    // The socket's number depends on how far enter() got: until it arranges the descriptors, 3 is the zygote's own.
    if (!sandbox::write_all(fds.control, out)) sandbox::write_all(sandbox::kControlFd, out);
    ::_exit(1);
  }
  PyOS_AfterFork_Child();
  Worker worker;
  try {
    reseed_after_fork();
    if (warm) warm_up();
  } catch (py::error_already_set& error) {
    std::string out;
    schema::pack(schema::Kind::refused, 0, schema::Refused{"warm-up", 0, error.what()}, out);
    sandbox::write_all(sandbox::kControlFd, out);
    ::_exit(1);
  }
  worker.send(schema::Kind::hello, 0, schema::Hello{schema::kProtocolVersion, sandbox::run_checks()});
  // Nothing may unwind from here into the zygote's main().
  try {
    worker.serve();
  } catch (...) {
  }
  ::_exit(1);
}

}  // namespace qflow::pyhost
