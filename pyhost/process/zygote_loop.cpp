#include "pyhost/process/zygote_loop.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pybind11/pybind11.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <unordered_map>

#include "pyhost/process/interpreter.hpp"
#include "pyhost/process/preparation.hpp"
#include "pyhost/process/worker_loop.hpp"
#include "sandbox/inner.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {
namespace {

using sandbox::UniqueFd;

class Zygote {
 public:
  Zygote(const sandbox::Policy& policy, int socket) : policy_(policy), inner_(policy), socket_(socket) {}

  void announce(const Imported& imported) {
    send(schema::Kind::ready, 0,
         schema::Ready{schema::kProtocolVersion, Py_GetVersion(), imported.modules, imported.notes, present_modules()});
  }

  template <class Message>
  void send(schema::Kind kind, std::uint32_t id, const Message& message) {
    std::string out;
    schema::pack(kind, id, message, out);
    if (!sandbox::write_all(socket_, out)) ::_exit(0);  // the daemon is gone
  }

  int serve() {
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    const UniqueFd signals(sandbox::check(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
    for (;;) {
      pollfd waits[] = {{socket_, POLLIN, 0}, {signals.get(), POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0 && errno != EINTR) return 1;
      if (waits[1].revents != 0) {
        signalfd_siginfo drained;
        while (::read(signals.get(), &drained, sizeof drained) > 0) {
        }
        reap();
      }
      if (waits[0].revents != 0 && !receive()) return 0;
    }
  }

 private:
  static constexpr std::size_t kMaxFds = 4;

  // One recvmsg returns the descriptors of at most one sendmsg (unix(7)), and never bytes of the next sendmsg with
  // them: the frame and its descriptors arrive together.
  bool receive() {
    sandbox::Received got = sandbox::receive_with_fds(socket_, 16384, kMaxFds);
    if (got.bytes.empty()) return false;
    decoder_.feed(got.bytes);
    while (auto frame = decoder_.next()) {
      std::string error;
      const auto order = schema::unpack<schema::Spawn>(*frame, error);
      if (frame->kind != schema::Kind::spawn || !order || got.fds.size() < 3) return false;
      const int cgroup = got.fds.size() > 3 ? got.fds[3].get() : -1;
      spawn(frame->id, *order, {got.fds[0].get(), got.fds[1].get(), got.fds[2].get()}, cgroup);
      got.fds.clear();
    }
    return decoder_.error().empty();
  }

  void spawn(std::uint32_t id, const schema::Spawn& order, const sandbox::WorkerFds& fds, int cgroup) {
    if (!single_threaded()) {
      send(schema::Kind::refused, id, schema::Refused{"fork", 0, "the zygote has threads"});
      return;
    }
    try {
      inner_.limit(sandbox::limits_from_text(order.limits, policy_.limits));
    } catch (const std::invalid_argument& error) {
      send(schema::Kind::refused, id, schema::Refused{"limits", 0, error.what()});
      return;
    }
    PyOS_BeforeFork();
    const pid_t pid = inner_.fork_worker(cgroup);
    if (pid == 0) become_worker(inner_, fds, order.warm);
    const int error = errno;
    PyOS_AfterFork_Parent();
    if (pid < 0) send(schema::Kind::refused, id, schema::Refused{"clone3", error, std::strerror(error)});
    else workers_.emplace(pid, id);
  }

  void reap() {
    int status = 0;
    rusage used{};
    pid_t pid = 0;
    while ((pid = ::wait4(-1, &status, WNOHANG, &used)) > 0) {
      const auto found = workers_.find(pid);
      if (found == workers_.end()) continue;
      const sandbox::Exit exit = sandbox::exit_of(status);
      const auto us = [](const timeval& t) { return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; };
      send(schema::Kind::exited, found->second,
           schema::Exited{exit.code, exit.signal, us(used.ru_utime), us(used.ru_stime), used.ru_maxrss, used.ru_minflt,
                          used.ru_majflt});
      workers_.erase(found);
    }
  }

  const sandbox::Policy& policy_;
  sandbox::InnerSandbox inner_;
  int socket_;
  schema::Decoder decoder_{65536};
  std::unordered_map<pid_t, std::uint32_t> workers_;
};

}  // namespace

int run_zygote(const sandbox::Policy& policy, const std::vector<std::string>& modules, int socket) {
  prepare_worker_code(policy);
  const Imported imported = import_modules(modules);
  if (!imported.started_threads.empty()) {
    std::string out;
    schema::pack(schema::Kind::refused, 0, schema::Refused{"threads", 0, imported.started_threads}, out);
    sandbox::write_all(socket, out);
    return 1;
  }
  freeze_heap();
  Zygote zygote(policy, socket);
  zygote.announce(imported);
  return zygote.serve();
}

}  // namespace qflow::pyhost
