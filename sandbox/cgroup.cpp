#include "sandbox/cgroup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace qflow::sandbox {
namespace {

constexpr const char* kMountPoint = "/sys/fs/cgroup";
constexpr const char* kControllers[] = {"cpu", "memory", "pids"};
// A node reaches RLIMIT_DATA first, with a MemoryError, which tells it more than a kill; this is the room above that.
constexpr std::uint64_t kMemorySlack = 32ULL << 20U;
constexpr std::uint32_t kPeriodUs = 100'000;

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; at += word.size()) {
    const bool starts = at == 0 || text[at - 1] == ' ';
    const auto end = at + word.size();
    if (starts && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

// The number after `key` and a space at the start of a line ("flat keyed" files).
std::int64_t keyed(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string_view::npos; at += key.size()) {
    if ((at != 0 && text[at - 1] != '\n') || at + key.size() >= text.size() || text[at + key.size()] != ' ') continue;
    std::int64_t value = 0;
    std::from_chars(text.data() + at + key.size() + 1, text.data() + text.size(), value);
    return value;
  }
  return 0;
}

std::int64_t single(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// systemd marks the cgroups it delegates. An ordinary user's write permission says the same; root may write anywhere.
bool is_marked_delegated(const std::string& directory) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value[4] = {};
    if (::getxattr(directory.c_str(), name, value, sizeof value) > 0 && value[0] == '1') return true;
  }
  return false;
}

// The directory of the cgroup that this process is in, or why there is none to claim.
std::string own_directory(std::string& problem) {
  std::string own;
  try {
    own = read_file("/proc/self/cgroup", 4096);
  } catch (const SysError& error) {
    problem = error.what();
    return {};
  }
  const auto at = own.rfind("0::", 0) == 0 ? 0 : own.find("\n0::");
  if (at == std::string::npos) {
    problem = "no unified hierarchy (cgroup v2)";
    return {};
  }
  own = own.substr(own.find("::", at) + 2);
  own = own.substr(0, own.find('\n'));
  const std::string directory = own == "/" ? kMountPoint : kMountPoint + own;
  std::string controllers;
  try {
    controllers = read_file(directory + "/cgroup.controllers", 4096);
  } catch (const SysError&) {
    problem = fmt::format("this process is not in a cgroup v2 with controllers ({})", directory);
    return {};
  }
  for (const char* needed : kControllers)
    if (!has_word(controllers, needed))
      problem = fmt::format("the {} controller is not delegated to {}", needed, directory);
  if (!problem.empty()) return {};
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"})
    if (::access((directory + file).c_str(), W_OK) != 0) problem = fmt::format("{}{} is not writable", directory, file);
  if (problem.empty() && ::geteuid() == 0 && !is_marked_delegated(directory))
    problem = fmt::format("{} is not delegated to this process (systemd would have marked it)", directory);
  return problem.empty() ? directory : std::string();
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) throw SysError(errno, fmt::format("mkdir({})", path));
}

void enable_controllers(const std::string& directory) {
  write_control(directory + "/cgroup.subtree_control", "+cpu +memory +pids");
}

void remove_directory(const std::string& path) noexcept { ::rmdir(path.c_str()); }

}  // namespace

std::string cgroup_problem() {
  std::string problem;
  own_directory(problem);
  return problem;
}

std::unique_ptr<CgroupTree> CgroupTree::claim(uid_t worker_uid, std::string& problem) {
  const std::string base = own_directory(problem);
  if (base.empty()) return nullptr;
  std::unique_ptr<CgroupTree> tree(new CgroupTree(base, ::geteuid() == 0 ? worker_uid : 0));
  const std::string self = std::to_string(::getpid());
  try {
    make_directory(base + "/daemon");
    write_control(base + "/daemon/cgroup.procs", self);
    // EBUSY while another process is left in it: only leaves may hold processes.
    enable_controllers(base);
    make_directory(base + "/workers");
    enable_controllers(base + "/workers");
    make_directory(base + "/workers/zygotes");
    // A zygote clones workers into their leaves itself: it needs the right to write there, and in the ancestor that its
    // own cgroup and the leaf have in common (cgroup-v2.rst, Delegation Containment). No sandbox sees these files.
    if (tree->owner_ != 0)
      for (const char* file : {"/workers/cgroup.procs", "/workers/zygotes/cgroup.procs"})
        check(::chown((base + file).c_str(), tree->owner_, tree->owner_), fmt::format("chown({}{})", base, file));
  } catch (const SysError& error) {
    problem = error.code() == std::errc::device_or_resource_busy
                  ? fmt::format("{} also holds other processes; qflow must be alone in its service or scope", base)
                  : error.what();
    return nullptr;
  }
  return tree;
}

CgroupTree::~CgroupTree() {
  // Zygotes and workers have ended, or end with their parent; what is still busy stays for systemd to clean up.
  for (int i = 0; i < 100 && !leaving_.empty(); ++i) {
    sweep();
    if (!leaving_.empty()) ::usleep(2000);
  }
  remove_directory(base_ + "/workers/zygotes");
  remove_directory(base_ + "/workers");
  // Back to where this process was found, so that nothing of ours is left.
  try {
    write_control(base_ + "/cgroup.subtree_control", "-cpu -memory -pids");
    write_control(base_ + "/cgroup.procs", std::to_string(::getpid()));
    remove_directory(base_ + "/daemon");
  } catch (const SysError&) {  // it goes with the service
  }
}

void CgroupTree::adopt_zygote(pid_t pid) const {
  write_control(base_ + "/workers/zygotes/cgroup.procs", std::to_string(pid));
}

std::unique_ptr<CgroupLeaf> CgroupTree::make_leaf(const Limits& limits) {
  sweep();
  const std::string path = fmt::format("{}/workers/{}", base_, next_++);
  check(::mkdir(path.c_str(), 0755), fmt::format("mkdir({})", path));
  auto leaf = std::make_unique<CgroupLeaf>(open_file(path, O_RDONLY | O_DIRECTORY), path);
  leaf->tree_ = this;
  if (owner_ != 0)
    check(::fchownat(leaf->fd(), "cgroup.procs", owner_, owner_, 0), fmt::format("chown({}/cgroup.procs)", path));
  leaf->set(limits);
  return leaf;
}

void CgroupTree::sweep() noexcept {
  std::erase_if(leaving_, [](const std::string& path) { return ::rmdir(path.c_str()) == 0 || errno == ENOENT; });
}

CgroupLeaf::~CgroupLeaf() {
  kill();
  if (!remove() && tree_ != nullptr) tree_->leaving_.push_back(path_);
}

bool CgroupLeaf::remove() const noexcept { return ::rmdir(path_.c_str()) == 0 || errno == ENOENT; }

std::string CgroupLeaf::read(const char* file) const {
  const UniqueFd fd(::openat(directory_.get(), file, O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::array<char, 8192> text{};
  const ssize_t got = retry([&] { return ::read(fd.get(), text.data(), text.size()); });
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

void CgroupLeaf::write(const char* file, const std::string& text) const {
  const UniqueFd fd(
      check(::openat(directory_.get(), file, O_WRONLY | O_CLOEXEC), fmt::format("open({}/{})", path_, file)));
  check(::write(fd.get(), text.data(), text.size()), fmt::format("write({}/{}, \"{}\")", path_, file, text));
}

void CgroupLeaf::set(const Limits& limits) const {
  write("memory.max", std::to_string(limits.memory + kMemorySlack));
  if (::faccessat(directory_.get(), "memory.swap.max", W_OK, 0) == 0) write("memory.swap.max", "0");
  write("memory.oom.group", "1");
  write("pids.max", std::to_string(limits.processes));
  write("cpu.max", fmt::format("{} {}", std::uint64_t{limits.cpu_millis} * kPeriodUs / 1000, kPeriodUs));
}

void CgroupLeaf::end_singly() const noexcept {
  const UniqueFd fd(::openat(directory_.get(), "memory.oom.group", O_WRONLY | O_CLOEXEC));
  if (fd) write_all(fd.get(), "0");
}

void CgroupLeaf::kill() const noexcept {
  const UniqueFd fd(::openat(directory_.get(), "cgroup.kill", O_WRONLY | O_CLOEXEC));
  if (fd) write_all(fd.get(), "1");
}

CgroupUse CgroupLeaf::use() const {
  CgroupUse use;
  const std::string cpu = read("cpu.stat");
  use.user_us = keyed(cpu, "user_usec");
  use.system_us = keyed(cpu, "system_usec");
  use.peak_memory_bytes = single(read("memory.peak"));
  const std::string memory = read("memory.stat");
  use.major_faults = keyed(memory, "pgmajfault");
  use.minor_faults = keyed(memory, "pgfault") - use.major_faults;
  use.oom_kills = keyed(read("memory.events"), "oom_kill");
  use.processes_refused = keyed(read("pids.events"), "max");
  return use;
}

std::int64_t CgroupLeaf::cpu_us() const { return keyed(read("cpu.stat"), "usage_usec"); }
std::int64_t CgroupLeaf::processes() const { return single(read("pids.current")); }

}  // namespace qflow::sandbox
