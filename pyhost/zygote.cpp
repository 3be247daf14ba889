#include "pyhost/zygote.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pybind11/pybind11.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <unordered_map>

#include "pyhost/interpreter.hpp"
#include "pyhost/worker.hpp"
#include "sandbox/inner.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace qflow::pyhost {
namespace {

using sandbox::UniqueFd;

class Zygote {
 public:
  Zygote(const sandbox::Policy& policy, int socket) : inner_(policy), socket_(socket) {}

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
  // One recvmsg returns the descriptors of one sendmsg at most (unix(7)), so they stay in the order of their frames.
  bool receive() {
    sandbox::Received got = sandbox::receive_with_fds(socket_, 16384, 3);
    if (got.bytes.empty()) return false;
    for (UniqueFd& fd : got.fds) fds_.push_back(std::move(fd));
    decoder_.feed(got.bytes);
    while (auto frame = decoder_.next()) {
      if (frame->kind != schema::Kind::spawn || fds_.size() < 3) return false;
      UniqueFd control = take(), out = take(), err = take();
      spawn(frame->id, {control.get(), out.get(), err.get()});
    }
    return decoder_.error().empty();
  }

  UniqueFd take() {
    UniqueFd fd = std::move(fds_.front());
    fds_.pop_front();
    return fd;
  }

  void spawn(std::uint32_t id, const sandbox::WorkerFds& fds) {
    if (!single_threaded()) {
      send(schema::Kind::refused, id, schema::Refused{"fork", 0, "the zygote has threads"});
      return;
    }
    PyOS_BeforeFork();
    const pid_t pid = inner_.fork_worker();
    if (pid == 0) become_worker(inner_, fds);
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
           schema::Exited{exit.code, exit.signal, us(used.ru_utime), us(used.ru_stime), used.ru_maxrss});
      workers_.erase(found);
    }
  }

  sandbox::InnerSandbox inner_;
  int socket_;
  schema::Decoder decoder_{65536};
  std::deque<UniqueFd> fds_;
  std::unordered_map<pid_t, std::uint32_t> workers_;
};

}  // namespace

int run_zygote(const sandbox::Policy& policy, const std::vector<std::string>& modules, int socket) {
  prepare_worker_code();
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
