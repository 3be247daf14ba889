#include "daemon/store/reserve.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/sys.hpp"

namespace qflow::store {
namespace {

constexpr std::uint64_t kMost = 4U << 20U;

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs fs {};
  if (::statvfs(path.c_str(), &fs) < 0) return 0;
  return std::uint64_t{fs.f_bavail} * fs.f_frsize;
}

}  // namespace

Reserve::Reserve(const std::string& directory) : path_(directory + "/reserve") { make(); }

// On a small disk it is a small part of it. Half of the room stays free, so that it is not made and given up in turns.
bool Reserve::make() const {
  const std::string directory = path_.substr(0, path_.rfind('/'));
  const std::uint64_t size = std::min(kMost, free_bytes(directory) / 8);
  if (size < 64U << 10U) return false;
  const sandbox::UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd && ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size)) == 0) return true;
  ::unlink(path_.c_str());
  return false;
}

void Reserve::give_up() {
  ::unlink(path_.c_str());
  given_up_ = true;
}

bool Reserve::is_given_up() {
  if (!given_up_) return false;
  if (!make()) return true;
  given_up_ = false;
  return false;
}

}  // namespace qflow::store
