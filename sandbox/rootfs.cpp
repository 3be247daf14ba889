#include "sandbox/rootfs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

// The new root is staged on a directory that every Linux has. The tmpfs covers it in this mount namespace only.
constexpr const char* kStage = "/tmp";

void mount_or_throw(const char* from, const char* at, const char* type, unsigned long flags, const char* options) {
  check(::mount(from, at, type, flags, options),
        fmt::format("mount({}, {}, {})", from ? from : "none", at, type ? type : "bind"));
}

void set_attributes(const std::string& at, std::uint64_t attributes, unsigned flags) {
  mount_attr attr{};
  attr.attr_set = attributes;
  check(::syscall(SYS_mount_setattr, AT_FDCWD, at.c_str(), flags, &attr, sizeof attr),
        fmt::format("mount_setattr({})", at));
}

// Makes `relative` and its parents beneath the stage, world-readable.
void make_directories(const std::string& relative) {
  for (std::size_t slash = relative.find('/');; slash = relative.find('/', slash + 1)) {
    const std::string part = relative.substr(0, slash);
    if (::mkdir(part.c_str(), 0755) < 0 && errno != EEXIST) throw SysError(errno, fmt::format("mkdir({})", part));
    if (slash == std::string::npos) return;
  }
}

void make_file(const std::string& relative, std::string_view text) {
  const auto slash = relative.rfind('/');
  if (slash != std::string::npos) make_directories(relative.substr(0, slash));
  const UniqueFd fd = open_file(relative, O_CREAT | O_WRONLY | O_NOFOLLOW, 0644);
  if (!write_all(fd.get(), text)) throw SysError(errno, fmt::format("write({})", relative));
}

void make_link(const char* target, const char* name) {
  if (::symlink(target, name) < 0 && errno != EEXIST)
    throw SysError(errno, fmt::format("symlink({}, {})", target, name));
}

// Debian and its derivatives link /lib to /usr/lib: bind a path at its real location, so that it is not behind a link.
std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> resolved{};
  return ::realpath(path.c_str(), resolved.data()) == nullptr ? std::string() : std::string(resolved.data());
}

void bind_read_only(const Mount& mount) {
  const std::string source = real_path(mount.path);
  if (source.empty()) {
    if (mount.optional) return;
    throw SysError(ENOENT, fmt::format("mount of \"{}\"", mount.path));
  }
  struct stat info {};
  check(::stat(source.c_str(), &info), fmt::format("stat({})", source));
  // A file that is a link on the host (/etc/resolv.conf) is shown where programs look for it.
  const std::string target = S_ISDIR(info.st_mode) ? source.substr(1) : mount.path.substr(1);
  if (S_ISDIR(info.st_mode)) make_directories(target);
  else make_file(target, "");
  mount_or_throw(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
  // A remount would not reach the mounts beneath (mount_setattr(2), AT_RECURSIVE).
  set_attributes(target, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
}

void make_devices(bool terminals) {
  make_directories("dev/shm");
  if (terminals) {  // each worker mounts its own over it
    make_directories("dev/pts");
    make_link("pts/ptmx", "dev/ptmx");
  }
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const std::string host = fmt::format("/dev/{}", name);
    // A process's controlling terminal: a worker has none but one that it opened.
    if (name == std::string_view("tty") && (!terminals || ::access(host.c_str(), F_OK) != 0)) continue;
    make_file(host.substr(1), "");
    mount_or_throw(host.c_str(), host.c_str() + 1, nullptr, MS_BIND, nullptr);
    // This makes the inode read-only, which is the host's: times and owner. Writing to the device is still possible.
    set_attributes(host.substr(1), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
  }
}

}  // namespace

void pivot_into_new_root(const Policy& policy) {
  // Before any mount: systemd shares /, and mounts made here would show on the host.
  mount_or_throw(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  // Mounts may lie beneath the stage (a build in /tmp): all host paths are opened before it is covered.
  const UniqueFd host = open_file("/", O_PATH | O_DIRECTORY);
  std::vector<Mount> mounts = policy.mounts;
  std::vector<std::pair<UniqueFd, std::string>> hidden;
  for (const Mount& mount : mounts) {
    const std::string source = real_path(mount.path);
    if (!source.starts_with(std::string(kStage) + "/")) continue;
    const long tree =
        ::syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    hidden.emplace_back(UniqueFd(static_cast<int>(check(tree, fmt::format("open_tree({})", source)))), source);
  }
  std::erase_if(mounts, [](const Mount& m) { return real_path(m.path).starts_with(std::string(kStage) + "/"); });

  mount_or_throw("tmpfs", kStage, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=1024,mode=755");
  check(::chdir(kStage), "chdir(stage)");
  for (const auto& [tree, source] : hidden) {
    make_directories(source.substr(1));
    check(::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, source.c_str() + 1, MOVE_MOUNT_F_EMPTY_PATH),
          fmt::format("move_mount({})", source));
    set_attributes(source.substr(1), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
  }
  // Parents before children, so that a child is not covered by a later bind.
  std::sort(mounts.begin(), mounts.end(), [](const Mount& a, const Mount& b) { return a.path < b.path; });
  mounts.erase(
      std::unique(mounts.begin(), mounts.end(), [](const Mount& a, const Mount& b) { return a.path == b.path; }),
      mounts.end());
  for (const Mount& mount : mounts) bind_read_only(mount);
  make_devices(policy.programs);
  make_directories("tmp");
  make_directories(std::string(kWorkDirectory.substr(1)));
  make_directories("etc");
  make_directories("usr");
  for (const char* name : {"bin", "lib", "lib64"}) make_link(fmt::format("usr/{}", name).c_str(), name);
  make_file("etc/passwd", fmt::format("root:x:0:0:root:/root:/bin/false\nnode:x:{0}:{0}::{1}:/bin/false\n", kOverflowId,
                                      kWorkDirectory));
  make_file("etc/group", fmt::format("root:x:0:\nnode:x:{}:\n", kOverflowId));
  // With a network of its own a sandbox has the host's (granted_mounts).
  if (policy.network == Network::none)
    make_file("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");

  // pivot_root(2), NOTES: with the same directory twice the old root is stacked on the new one and can be detached.
  check(::syscall(SYS_pivot_root, ".", "."), "pivot_root(\".\", \".\")");
  check(::umount2(".", MNT_DETACH), "umount2(old root, MNT_DETACH)");
  check(::chdir("/"), "chdir(\"/\")");
  set_attributes("/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0);
}

}  // namespace qflow::sandbox
