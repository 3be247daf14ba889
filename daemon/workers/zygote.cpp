#include "daemon/workers/zygote.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <csignal>
#include <system_error>

#include "daemon/base/fault.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::workers {
namespace {

constexpr auto kStartPatience = std::chrono::seconds(60);  // a large package may take long to import
constexpr auto kSpawnPatience = std::chrono::seconds(20);

// exec, never fork: the daemon has threads, locks and secrets. The environment variables are only those set here;
// of the descriptors only the socket (as 3) and standard error, for the log, are passed on.
pid_t start_process(const std::string& path, int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // Its own process group: a Ctrl-C at the terminal is the daemon's to handle.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::array<char*, 2> arguments{const_cast<char*>(path.c_str()), nullptr};
  std::string locale = "LC_ALL=C.UTF-8";
  std::string binding = "LD_BIND_NOW=1";  // resolve symbols once here, not in each worker, where it makes pages private
  std::array<char*, 3> environment{locale.data(), binding.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw sandbox::SysError(error, fmt::format("posix_spawn({})", path));
  return pid;
}

}  // namespace

Zygote::Zygote(const asio::any_io_executor& executor, const Settings& settings, std::string pyhost,
               std::vector<std::string> modules, const Sandbox& sandbox, const Venv* venv)
    : executor_(executor),
      settings_(settings),
      pyhost_(std::move(pyhost)),
      modules_(std::move(modules)),
      socket_(executor),
      changed_(executor) {
  policy_.limits = sandbox.limits;
  policy_.network = sandbox.network;
  policy_.programs = sandbox.programs;
  for (const std::string& directory : settings.shared) policy_.mounts.push_back({directory, false});
  if (venv != nullptr) {
    venv_ = *venv;
    policy_.mounts.push_back({venv->path, false});
  }
  policy_.host_uid = settings.worker_uid;
  policy_.layers = settings.layers;
}

Zygote::~Zygote() = default;

Task<> Zygote::start() {
  auto [ours, theirs] = sandbox::socket_pair();
  process_ = sandbox::ChildProcess(start_process(pyhost_, theirs.get()));
  theirs.reset();
  // While it waits for its policy it is a single process, so all of it moves to the cgroup.
  if (settings_.cgroups != nullptr) settings_.cgroups->adopt_zygote(process_.pid());
  socket_.assign(asio::local::stream_protocol(), ours.release());
  socket_.non_blocking(true);
  alive_ = true;
  asio::co_spawn(executor_, listen(shared_from_this()), asio::detached);
  std::string configure;
  schema::Configure told{schema::kProtocolVersion, sandbox::to_text(policy_), modules_, std::nullopt};
  if (venv_) told.venv = schema::Packages{venv_->path, venv_->packages, venv_->alone};
  schema::pack(schema::Kind::configure, 0, told, configure);
  sandbox::send_with_fds(socket_.native_handle(), configure, {});
  asio::steady_timer patience(executor_, kStartPatience);
  patience.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto self = weak.lock(); self && !error) self->lost("it was not ready in time");
  });
  while (alive_ && !ready_) co_await changed_.wait();
  if (!ready_)
    throw Fault(FaultKind::unavailable, "sandbox_unavailable",
                fmt::format("{} could not start: {}", pyhost_, failure_));
}

void Zygote::lost(const std::string& why) {
  if (!alive_) return;
  alive_ = false;
  if (failure_.empty()) failure_ = why;
  boost::system::error_code ignored;
  socket_.close(ignored);
  process_.kill_and_reap();
  for (const auto& [id, weak] : workers_)
    if (const auto worker = weak.lock()) worker->note_zygote_lost();
  workers_.clear();
  changed_.signal();
}

Task<> Zygote::listen(std::shared_ptr<Zygote> self) {
  std::array<char, 16384> bytes;  // NOLINT: filled by the read
  boost::system::error_code error;
  while (self->alive_) {
    const std::size_t got =
        co_await self->socket_.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    self->decoder_.feed({bytes.data(), got});
    while (auto frame = self->decoder_.next()) self->dispatch(*frame);
    if (!self->decoder_.error().empty()) {
      self->lost("it sent a broken frame: " + self->decoder_.error());
      break;
    }
  }
  self->lost(self->ready_ ? std::string("it ended")
                          : fmt::format("it ended; `{} --version`, as the same user, says why", self->pyhost_));
}

void Zygote::dispatch(const schema::Frame& frame) {
  std::string problem;
  if (frame.kind == schema::Kind::ready) {
    const auto ready = schema::unpack<schema::Ready>(frame, problem);
    if (!ready || ready->protocol != schema::kProtocolVersion) return lost("it speaks another protocol");
    ready_ = true;
    for (std::size_t i = 0; i < ready->present.size() && i < 2000; ++i)
      present_.insert(ready->present[i].substr(0, 100));
    python_ = ready->python.substr(0, ready->python.find(' ')).substr(0, 32);
    for (const std::string& note : ready->notes)
      log::info("workers", "not imported before forking", {{"reason", note.substr(0, 500)}});
    changed_.signal();
  } else if (frame.kind == schema::Kind::exited) {
    const auto found = workers_.find(frame.id);
    const auto exited = schema::unpack<schema::Exited>(frame, problem);
    if (found == workers_.end() || !exited) return;
    if (const auto worker = found->second.lock()) worker->note_exit(*exited);
    workers_.erase(found);
    if (retired_ && workers_.empty()) lost("it was retired");
  } else if (frame.kind == schema::Kind::refused) {
    const auto refused = schema::unpack<schema::Refused>(frame, problem);
    if (!refused) return lost("it sent a broken refusal");
    if (frame.id != 0) {
      log::warning("workers", "a worker could not be forked", {{"step", refused->step}, {"reason", refused->message}});
      workers_.erase(frame.id);
      return;
    }
    if (refused->step == "threads") threaded_module_ = refused->message.substr(0, 200);
    failure_ = fmt::format("{}: {}", refused->step, refused->message);
  } else {
    lost("it sent a frame that a zygote must not send");
  }
}

Task<std::shared_ptr<Worker>> Zygote::spawn(sandbox::Limits limits, bool warm) {
  const auto self = shared_from_this();
  Channels channels = make_channels();
  std::unique_ptr<sandbox::CgroupLeaf> leaf;
  if (settings_.cgroups != nullptr) leaf = settings_.cgroups->make_leaf(limits);
  std::vector<int> fds{channels.worker_socket.get(), channels.worker_out.get(), channels.worker_err.get()};
  if (leaf) fds.push_back(leaf->fd());
  const std::uint32_t id = next_worker_++;
  auto worker = std::make_shared<Worker>(executor_, id, channels, settings_, limits, std::move(leaf));
  workers_.emplace(id, worker);
  std::string frame;
  const std::string own = limits == policy_.limits ? std::string() : sandbox::to_text(limits);
  schema::pack(schema::Kind::spawn, id, schema::Spawn{own, warm}, frame);
  try {
    sandbox::send_with_fds(socket_.native_handle(), frame, fds);
  } catch (const sandbox::SysError& error) {
    lost(error.what());
    co_return nullptr;
  }
  // Close our copies of the worker's ends: while they are open, the worker's death would go unnoticed.
  channels = {};
  std::string problem = co_await worker->greet(policy_, kSpawnPatience);
  if (problem.empty()) co_return worker;
  worker->kill(End::protocol);
  if (const auto exited = co_await worker->wait_exit(std::chrono::milliseconds(200)))
    problem += fmt::format(" (exit status {}, signal {})", exited->code, exited->signal);
  if (alive_) log::error("workers", "a worker was discarded before use: " + problem);
  co_return nullptr;
}

void Zygote::retire() {
  retired_ = true;
  if (workers_.empty()) lost("it was retired");
}

bool Zygote::worn_out() const {
  return next_worker_ > settings_.zygote_forks || Clock::now() - born_ > std::chrono::minutes(settings_.zygote_minutes);
}

}  // namespace qflow::workers
