#include "daemon/workers/worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <cstring>

#include "daemon/observe/log.hpp"
#include "sandbox/selfcheck.hpp"

namespace qflow::workers {
namespace {

constexpr auto kLate = std::chrono::milliseconds(500);
constexpr auto kGrace = std::chrono::milliseconds(250);

std::string make_nonce() {
  std::array<unsigned char, 8> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 17> hex{};
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return {hex.data(), 16};
}

// The sender's process id as the kernel attaches it to a message (unix(7), SCM_CREDENTIALS), in our PID namespace. The
// control buffer has room for nothing else: the kernel closes descriptors that come along.
struct Identified {
  std::string bytes;
  pid_t pid = 0;
  bool again = true;  ///< there was nothing to read
};
Identified receive_identified(int socket, int flags = 0) {
  Identified out;
  out.bytes.resize(4096);
  iovec part{out.bytes.data(), out.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got =
      sandbox::retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | flags); });
  out.again = got < 0 && errno == EAGAIN;
  out.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got <= 0) return out;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(h), sizeof sender);
    out.pid = sender.pid;
  }
  return out;
}

}  // namespace

Channels make_channels() {
  Channels c;
  std::tie(c.socket, c.worker_socket) = sandbox::socket_pair();
  std::tie(c.out, c.worker_out) = sandbox::make_pipe();
  std::tie(c.err, c.worker_err) = sandbox::make_pipe();
  const int on = 1;
  sandbox::check(::setsockopt(c.socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), "setsockopt(SO_PASSCRED)");
  return c;
}

Worker::Worker(const asio::any_io_executor& executor, std::uint32_t id, Channels& channels, const Settings& settings,
               const sandbox::Limits& limits, std::unique_ptr<sandbox::CgroupLeaf> leaf)
    : id_(id),
      nonce_(make_nonce()),
      socket_(executor, asio::local::stream_protocol(), channels.socket.release()),
      out_(executor, std::move(channels.out), nonce_, settings.output_bytes),
      err_(executor, std::move(channels.err), nonce_, settings.output_bytes),
      deadline_(executor),
      drain_later_(executor),
      limits_(limits),
      leaf_(std::move(leaf)),
      max_output_(settings.max_output_bytes),
      exited_event_(executor),
      output_bytes_(settings.output_bytes) {
  prepare_channels();
}

Worker::Worker(std::shared_ptr<Worker> parent, std::uint32_t id, Channels& channels)
    : id_(id),
      nonce_(make_nonce()),
      socket_(parent->socket_.get_executor(), asio::local::stream_protocol(), channels.socket.release()),
      out_(socket_.get_executor(), std::move(channels.out), nonce_, parent->output_bytes_),
      err_(socket_.get_executor(), std::move(channels.err), nonce_, parent->output_bytes_),
      deadline_(socket_.get_executor()),
      drain_later_(socket_.get_executor()),
      limits_(parent->limits_),
      max_output_(parent->max_output_),
      exited_event_(socket_.get_executor()),
      output_bytes_(parent->output_bytes_),
      parent_(std::move(parent)) {
  if (parent_->leaf_) oom_kills_before_ = parent_->leaf_->use().oom_kills;
  prepare_channels();
}

void Worker::prepare_channels() {
  socket_.non_blocking(true);
  for (const Pipe* pipe : {&out_, &err_})
    sandbox::check(::fcntl(pipe->fd.get(), F_SETFL, O_NONBLOCK), "fcntl(F_SETFL, O_NONBLOCK)");
}

void Worker::Pipe::close() {
  boost::system::error_code ignored;
  fd.reset();
  stream.close(ignored);
}

Worker::~Worker() {
  if (pidfd_ && !exited_) sandbox::signal_pidfd(pidfd_.get(), SIGKILL);
}

Task<std::string> Worker::greet(const sandbox::Policy& policy, Clock::duration patience) {
  policy_ = policy;
  std::string problem = co_await greet_as(sandbox::Role::worker, patience);
  co_return problem;
}

Task<std::string> Worker::greet_branch(Clock::duration patience) {
  policy_ = parent_->policy_;
  std::string problem = co_await greet_as(sandbox::Role::branch, patience);
  base_memory_ = parent_->base_memory_;
  base_mapped_ = parent_->base_mapped_;
  co_return problem;
}

pid_t Worker::peeked_pid() {
  if (pid_ > 0 || !socket_.is_open()) return pid_;
  return receive_identified(socket_.native_handle(), MSG_PEEK).pid;
}

Task<std::string> Worker::greet_as(sandbox::Role role, Clock::duration patience) {
  set_deadline(Clock::now() + patience);
  boost::system::error_code error;
  Identified first;
  // Readiness is a hint: an event meant for an earlier socket with this descriptor may still be on its way.
  while (first.again) {
    co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error || end_ != End::none) co_return "it did not report in time";
    first = receive_identified(socket_.native_handle());
  }
  if (first.bytes.empty()) {
    if (role == sandbox::Role::branch) lose(End::closed);
    co_return "it closed its socket before it reported";
  }
  pid_ = first.pid;
  // A worker that could not put its walls up has ended by now and no longer has a PID.
  try {
    if (pid_ > 0) pidfd_ = sandbox::open_pidfd(pid_);
  } catch (const sandbox::SysError&) {
    pid_ = 0;
    if (role == sandbox::Role::branch) lose(End::closed);
    co_return "it ended as soon as it had reported";
  }
  if (role == sandbox::Role::branch && !is_of_parent()) co_return "it is not a process of its worker";
  decoder_.feed(first.bytes);
  const std::optional<schema::Frame> frame = co_await receive();
  clear_deadline();
  if (!frame) co_return "its report is broken: " + end_detail_;
  std::string problem;
  if (frame->kind == schema::Kind::refused) {
    const auto refused = schema::unpack<schema::Refused>(*frame, problem);
    co_return refused ? fmt::format("its step {} failed: {}", refused->step, refused->message) : problem;
  }
  const auto hello = schema::unpack<schema::Hello>(*frame, problem);
  if (pid_ <= 0) co_return "it ended as soon as it had reported";
  if (frame->kind != schema::Kind::hello || !hello) co_return "its first frame is not a hello: " + problem;
  if (hello->protocol != schema::kProtocolVersion) co_return fmt::format("it speaks protocol {}", hello->protocol);
  const std::uint32_t missing = sandbox::expected_checks(policy_, role) & ~hello->checks;
  if (missing != 0) co_return "walls are missing: " + sandbox::check_names(missing);
  const std::string status = status_text(pid_);
  if (std::string wrong = sandbox::inspect_from_outside(status, policy_, role); !wrong.empty())
    co_return "seen from outside, " + wrong;
  const ProcessStatus base = parse_status(status);
  base_memory_ = base.anonymous;
  base_mapped_ = base.mapped;
  inner_pid_ = hello->pid.value_or(0);
  co_return std::string();
}

void Worker::begin() {
  started_ = Clock::now();
  root().resting_ = false;
  // The output of a short execution fits into the pipes and is read with its answers; draining it in the background
  // would wake this strand for each mark. A longer execution would block on a full pipe.
  drain_later_.expires_after(std::chrono::milliseconds(3));
  drain_later_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto self = weak.lock(); self && !error && !self->exited_) self->start_draining();
  });
}

void Worker::start_draining() {
  for (Pipe* pipe : {&out_, &err_}) {
    if (!pipe->fd) continue;
    pipe->stream.assign(pipe->fd.release());
    asio::co_spawn(socket_.get_executor(), drain(shared_from_this(), *pipe), asio::detached);
  }
}

void Worker::release() {
  released_ = true;
  kill(End::closed);
  if (parent_) {  // nobody reports how it ended
    out_.close();
    err_.close();
  }
  if (on_release) std::exchange(on_release, nullptr)();
}

void Worker::rest() {
  Worker& main = root();
  main.resting_ = true;
  begin_node(std::chrono::seconds(1));
  if (main.on_release) std::exchange(main.on_release, nullptr)();
}

std::size_t Worker::processes() const {
  constexpr std::size_t kEnough = 9;
  const pid_t first = root().pid_;
  if (first <= 0) return 0;
  const std::vector<pid_t> tree = ProcessTable().tree_of(first, kEnough);
  return static_cast<std::size_t>(std::count_if(tree.begin(), tree.end(), [](pid_t pid) { return !exit_of(pid); }));
}

void Worker::begin_node(Clock::duration cpu) {
  cpu_budget_ = cpu;
  new_node_ = true;
}

void Worker::post(std::string frames) {
  if (frames.empty()) return;
  if (queue_.empty() || end_ != End::none) return post(Outgoing{std::move(frames), {}});
  queue_.back().bytes += frames;
}

void Worker::post(Outgoing outgoing) {
  if (end_ != End::none) return;
  queue_.push_back(std::move(outgoing));
  if (writing_) return;
  writing_ = true;
  asio::co_spawn(socket_.get_executor(), write_queue(shared_from_this()), asio::detached);
}

Task<> Worker::write_queue(std::shared_ptr<Worker> self) {
  while (!self->queue_.empty() && self->end_ == End::none) {
    Outgoing next = std::move(self->queue_.front());
    self->queue_.pop_front();
    const bool written = co_await self->write(std::move(next));
    if (!written) break;  // the reading side finds out why
  }
  self->writing_ = false;
}

Task<bool> Worker::write(Outgoing outgoing) {
  std::string_view rest = outgoing.bytes;
  boost::system::error_code error;
  while (!outgoing.fds.empty()) {
    std::vector<int> fds;
    for (const sandbox::UniqueFd& fd : outgoing.fds) fds.push_back(fd.get());
    const ssize_t sent = sandbox::send_some_with_fds(socket_.native_handle(), rest, fds);
    if (sent < 0 && errno != EAGAIN) co_return false;
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
      outgoing.fds.clear();  // while our copies are open, the branch's end would go unnoticed
      break;
    }
    co_await socket_.async_wait(asio::local::stream_protocol::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error || end_ != End::none) co_return false;
  }
  if (!rest.empty())
    co_await asio::async_write(socket_, asio::buffer(rest.data(), rest.size()),
                               asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

Task<bool> Worker::read_more() {
  std::array<char, 65536> bytes;  // NOLINT: filled by the read
  boost::system::error_code error;
  const std::size_t got =
      co_await socket_.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    lose(End::closed);
    co_return false;
  }
  decoder_.feed({bytes.data(), got});
  co_return true;
}

Task<std::optional<schema::Frame>> Worker::receive() {
  for (;;) {
    if (end_ != End::none) co_return std::nullopt;
    if (auto frame = decoder_.next()) co_return frame;
    if (!decoder_.error().empty()) {
      lose(End::protocol, decoder_.error());
      co_return std::nullopt;
    }
    if (!co_await read_more()) co_return std::nullopt;
  }
}

void Worker::set_deadline(Clock::time_point when) {
  deadline_.expires_at(when);
  deadline_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    // A wait that expired before it was replaced still arrives here.
    if (!self || error || Clock::now() < self->deadline_.expiry()) return;
    // Much too late: this process was stopped (SIGSTOP, a sleeping host) or starved, and an answer may be waiting. Time
    // counts only while the daemon runs, so there is a little more of it.
    if (Clock::now() - self->deadline_.expiry() > kLate) return self->set_deadline(Clock::now() + kGrace);
    self->kill(End::timed_out);
  });
}

void Worker::lose(End why, std::string detail) {
  if (end_ != End::none) return;
  end_ = why;
  end_detail_ = std::move(detail);
}

void Worker::kill(End why) {
  lose(why);
  if (parent_) kill_tree();
  else if (pidfd_) sandbox::signal_pidfd(pidfd_.get(), SIGKILL);
  for (const std::shared_ptr<Worker>& branch : branches()) branch->kill(End::cancelled);
  branches_.clear();
  deadline_.cancel();
  drain_later_.cancel();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  socket_.close(ignored);
}

Task<> Worker::drain(std::shared_ptr<Worker> self, Pipe& pipe) {
  boost::system::error_code error;
  bool open = true;
  // Waits and then reads synchronously: an asynchronous read could hold bytes that take_output() would overtake.
  while (open && !error) {
    co_await pipe.stream.async_wait(asio::posix::stream_descriptor::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
    if (!error) open = self->read_available(pipe);
  }
}

// False at the end of the stream.
bool Worker::read_available(Pipe& pipe) {
  std::array<char, 65536> bytes;  // NOLINT: filled by the read
  // Bounded: a child of the node may keep writing forever.
  for (int i = 0; i < 4; ++i) {
    const ssize_t got = ::read(pipe.number(), bytes.data(), bytes.size());
    if (got <= 0) return got < 0 && errno == EAGAIN;
    pipe.cutter.feed({bytes.data(), static_cast<std::size_t>(got)});
    if (static_cast<std::size_t>(got) < bytes.size()) break;  // that was all of it
  }
  if (pipe.cutter.current_bytes() > max_output_) kill(End::output);
  return true;
}

void Worker::watch_output(std::function<void(bool, std::uint32_t, std::string_view)> told) {
  if (!told) {
    out_.cutter.live = err_.cutter.live = nullptr;
    return;
  }
  out_.cutter.live = [told](std::uint32_t after, std::string_view text) { told(false, after, text); };
  err_.cutter.live = [told](std::uint32_t after, std::string_view text) { told(true, after, text); };
}

Captured Worker::take_output(std::uint32_t id, bool standard_error) {
  Pipe& pipe = standard_error ? err_ : out_;
  if (!pipe.cutter.ended(id)) read_available(pipe);
  return pipe.cutter.take(id);
}

void Worker::note_exit(const schema::Exited& exited) {
  exited_ = exited;
  exited_event_.signal();
  // Everything that held the other ends is dead, so the pipes hold the last output. After release() nobody asks for it.
  if (!released_) {
    read_available(out_);
    read_available(err_);
  }
  out_.close();
  err_.close();
}

Task<std::optional<schema::Exited>> Worker::wait_exit(Clock::duration patience) {
  const auto self = shared_from_this();
  if (parent_) {
    co_await wait_exit_of_branch(patience);
    co_return exited_;
  }
  asio::steady_timer timer(socket_.get_executor(), patience);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto worker = weak.lock(); worker && !error) worker->exited_event_.signal();
  });
  if (!exited_ && !zygote_lost_) co_await exited_event_.wait();
  co_return exited_;
}

bool Worker::alive() const {
  // pidfd_open(2): readable once the process has ended.
  pollfd wait{pidfd_.get(), POLLIN, 0};
  return pidfd_ && end_ == End::none && ::poll(&wait, 1, 0) == 0;
}

void Worker::note_zygote_lost() {
  zygote_lost_ = true;
  exited_event_.signal();
}

}  // namespace qflow::workers
