// Every system call of the trusted side goes through here: EINTR, error text with the call and its arguments, and a
// RAII type for each descriptor and process. Any thread.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace qflow::sandbox {

/// A system call that failed. what() reads `mount("tmpfs", "/tmp"): Operation not permitted`.
class SysError : public std::system_error {
 public:
  SysError(int error, const std::string& call) : std::system_error(error, std::generic_category(), call) {}
};

/// Throws SysError with errno when `result` is negative; otherwise returns it.
template <class T>
T check(T result, const std::string& call) {
  if (result < 0) throw SysError(errno, call);
  return result;
}

/// Repeats a call that a signal interrupted.
template <class F>
auto retry(F call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Owns one descriptor and closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// A connected pair of AF_UNIX stream sockets, close-on-exec.
std::pair<UniqueFd, UniqueFd> socket_pair();
/// A pipe, close-on-exec: read end, write end.
std::pair<UniqueFd, UniqueFd> make_pipe();
/// Opens `path` with O_CLOEXEC added to `flags`.
UniqueFd open_file(const std::string& path, int flags, mode_t mode = 0);
/// At most `limit` bytes of a file.
std::string read_file(const std::string& path, std::size_t limit);
/// Writes all of `text` to an existing file, as the kernel's control files want it: in one write.
void write_control(const std::string& path, std::string_view text);

/// Writes all bytes to a blocking descriptor. False when the peer is gone or the descriptor is bad.
bool write_all(int fd, std::string_view bytes) noexcept;

/// Sends bytes and descriptors over an AF_UNIX stream socket. Throws SysError.
void send_with_fds(int socket, std::string_view bytes, std::span<const int> fds);
/// One sendmsg(2) of the same, as far as it goes: returns how many bytes went, with the first of them all descriptors,
/// or -1 with errno.
ssize_t send_some_with_fds(int socket, std::string_view bytes, std::span<const int> fds) noexcept;
/// Receives up to `capacity` bytes and at most `max_fds` descriptors (close-on-exec). Empty bytes: end of stream.
struct Received {
  std::string bytes;
  std::vector<UniqueFd> fds;
};
Received receive_with_fds(int socket, std::size_t capacity, std::size_t max_fds);
/// The same into memory of the caller's, the descriptors appended to `fds`. Returns as read(2) does, with errno.
ssize_t receive_into(int socket, std::span<char> into, std::size_t max_fds, std::vector<UniqueFd>& fds);

/// A pidfd for a process, close-on-exec (pidfd_open(2)).
UniqueFd open_pidfd(pid_t pid);
/// Sends a signal through a pidfd, so never to a process that reuses the number. False when the process is gone.
bool signal_pidfd(int pidfd, int signal) noexcept;

/// How a process ended, from wait4(2).
struct Exit {
  int code = -1;   ///< exit status, or -1 when a signal ended it
  int signal = 0;  ///< the signal, or 0
};
/// Decodes a wait status.
Exit exit_of(int wait_status);

/// Owns a child process: kills and reaps it unless it was waited for.
class ChildProcess {
 public:
  ChildProcess() = default;
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill_and_reap(); }
  pid_t pid() const { return pid_; }
  /// Waits for the end.
  Exit wait();
  void kill_and_reap() noexcept;

 private:
  pid_t pid_ = -1;
};

}  // namespace qflow::sandbox
