#include "sandbox/sys.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace qflow::sandbox {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> fds{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), "socketpair(AF_UNIX, SOCK_STREAM)");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> fds{};
  check(::pipe2(fds.data(), O_CLOEXEC), "pipe2(O_CLOEXEC)");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

UniqueFd open_file(const std::string& path, int flags, mode_t mode) {
  const int fd = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  return UniqueFd(check(fd, fmt::format("open(\"{}\", {:#x})", path, flags)));
}

std::string read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd = open_file(path, O_RDONLY);
  std::string text;
  std::size_t got = 0;
  while (got < limit) {
    if (got == text.size()) text.resize(std::min(limit, std::max<std::size_t>(4096, 2 * got)));
    const ssize_t n = retry([&] { return ::read(fd.get(), text.data() + got, text.size() - got); });
    check(n, fmt::format("read(\"{}\")", path));
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return text;
}

void write_control(const std::string& path, std::string_view text) {
  const UniqueFd fd = open_file(path, O_WRONLY);
  check(retry([&] { return ::write(fd.get(), text.data(), text.size()); }),
        fmt::format("write(\"{}\", \"{}\")", path, text));
}

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

ssize_t send_some_with_fds(int socket, std::string_view bytes, std::span<const int> fds) noexcept {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return retry([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
}

void send_with_fds(int socket, std::string_view bytes, std::span<const int> fds) {
  const ssize_t sent = check(send_some_with_fds(socket, bytes, fds), "sendmsg(SCM_RIGHTS)");
  if (static_cast<std::size_t>(sent) < bytes.size() && !write_all(socket, bytes.substr(static_cast<std::size_t>(sent))))
    throw SysError(errno, "write(socket)");
}

ssize_t receive_into(int socket, std::span<char> into, std::size_t max_fds, std::vector<UniqueFd>& fds) {
  iovec part{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * max_fds);
  const ssize_t n = retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (n < 0) return n;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    std::vector<int> raw((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(raw.data(), CMSG_DATA(h), raw.size() * sizeof(int));
    for (const int fd : raw) fds.emplace_back(fd);
  }
  return n;
}

Received receive_with_fds(int socket, std::size_t capacity, std::size_t max_fds) {
  Received out;
  out.bytes.resize(capacity);
  const ssize_t n = check(receive_into(socket, out.bytes, max_fds, out.fds), "recvmsg");
  out.bytes.resize(static_cast<std::size_t>(n));
  return out;
}

UniqueFd open_pidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  return UniqueFd(static_cast<int>(check(fd, fmt::format("pidfd_open({})", pid))));
}

bool signal_pidfd(int pidfd, int signal) noexcept {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

Exit exit_of(int status) {
  Exit exit;
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  return exit;
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

Exit ChildProcess::wait() {
  int status = 0;
  check(retry([&] { return ::waitpid(pid_, &status, 0); }), fmt::format("waitpid({})", pid_));
  pid_ = -1;
  return exit_of(status);
}

void ChildProcess::kill_and_reap() noexcept {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  retry([&] { return ::waitpid(pid_, nullptr, 0); });
  pid_ = -1;
}

}  // namespace qflow::sandbox
