#include "sandbox/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace qflow::sandbox {
namespace {

// linux/landlock.h of ABI 7; the size of the attribute tells the kernel how much of it to read.
struct RulesetAttr {
  std::uint64_t fs;
  std::uint64_t net;
  std::uint64_t scoped;
};
struct __attribute__((packed)) PathBeneath {
  std::uint64_t access;
  std::int32_t parent;
};
enum Access : std::uint64_t {
  kExecute = 1U << 0U,
  kWriteFile = 1U << 1U,
  kReadFile = 1U << 2U,
  kReadDir = 1U << 3U,
  kRemoveDir = 1U << 4U,
  kRemoveFile = 1U << 5U,
  kMakeChar = 1U << 6U,
  kMakeDir = 1U << 7U,
  kMakeReg = 1U << 8U,
  kMakeSock = 1U << 9U,
  kMakeFifo = 1U << 10U,
  kMakeBlock = 1U << 11U,
  kMakeSym = 1U << 12U,
  kRefer = 1U << 13U,
  kTruncate = 1U << 14U,
  kIoctlDev = 1U << 15U,
};
constexpr std::uint64_t kFileOnly = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

std::uint64_t handled(int abi) {
  std::uint64_t all = (1U << 13U) - 1;
  if (abi >= 2) all |= kRefer;
  if (abi >= 3) all |= kTruncate;
  if (abi >= 5) all |= kIoctlDev;
  return all;
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

LandlockPlan plan_landlock(const Policy& policy) {
  LandlockPlan plan;
  plan.abi = landlock_abi();
  plan.network = policy.network == Network::host;
  const std::uint64_t read = kReadFile | kReadDir | (policy.programs ? std::uint64_t{kExecute} : 0);
  const std::uint64_t write = kReadFile | kReadDir | kWriteFile | kRemoveDir | kRemoveFile | kMakeDir | kMakeReg |
                              kMakeSock | kMakeFifo | kMakeSym | kRefer | kTruncate;
  plan.names.reserve(policy.mounts.size() + 16);
  const auto add = [&](std::string path, std::uint64_t access) {
    plan.names.push_back(std::move(path));
    plan.paths.push_back({plan.names.back().c_str(), access & handled(plan.abi)});
  };
  // A rule holds for everything beneath its path: files in the synthetic /etc need no rules of their own, nor do
  // devices in the synthetic /dev.
  const bool own_root = policy.has(Layer::mount_namespace);
  if (own_root) add("/etc", kReadFile | kReadDir);
  for (const Mount& mount : policy.mounts)
    if (!own_root || !mount.path.starts_with("/etc/")) add(mount.path, read);
  if (own_root) {
    add("/dev", kReadFile | kWriteFile);
    if (policy.programs) add("/dev/pts", kReadFile | kWriteFile | kReadDir | kIoctlDev);
    if (policy.programs) add("/dev/tty", kReadFile | kWriteFile | kIoctlDev);
  } else {
    for (const char* device : {"/dev/null", "/dev/zero", "/dev/full"}) add(device, kReadFile | kWriteFile);
    for (const char* device : {"/dev/random", "/dev/urandom"}) add(device, kReadFile);
  }
  // Without a mount namespace these would be the host's: then nothing is writable.
  if (own_root)
    for (const char* own : {"/tmp", "/dev/shm", kWorkDirectory.data()}) add(own, write);
  return plan;
}

int restrict_self(const LandlockPlan& plan) noexcept {
  if (plan.abi < 1) return 0;
  const RulesetAttr attr{handled(plan.abi), plan.abi >= 4 && !plan.network ? 3ULL : 0ULL, plan.abi >= 6 ? 3ULL : 0ULL};
  const std::size_t size = plan.abi >= 6 ? 24 : plan.abi >= 4 ? 16 : 8;
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &attr, size, 0U);
  if (ruleset < 0) return errno;
  for (const LandlockPath& entry : plan.paths) {
    const int parent = ::open(entry.path, O_PATH | O_CLOEXEC);
    if (parent < 0) continue;  // an optional mount that this host does not have
    struct stat info {};
    ::fstat(parent, &info);
    const PathBeneath rule{S_ISDIR(info.st_mode) ? entry.access : entry.access & kFileOnly, parent};
    const long added = ::syscall(SYS_landlock_add_rule, ruleset, 1U /* PATH_BENEATH */, &rule, 0U);
    const int error = errno;
    ::close(parent);
    if (added < 0) return error;
  }
  const long restricted = ::syscall(SYS_landlock_restrict_self, ruleset, 0U);
  const int error = errno;
  ::close(static_cast<int>(ruleset));
  return restricted < 0 ? error : 0;
}

}  // namespace qflow::sandbox
