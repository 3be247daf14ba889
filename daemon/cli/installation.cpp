#include "daemon/cli/installation.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "daemon/cli/runtime.hpp"
#include "sandbox/sys.hpp"

namespace qflow::cli {
namespace {

struct Service {
  std::string directory;
  uid_t uid = 0;
  gid_t gid = 0;
};

// The user that packaging/qflow.sysusers makes. One thread: getpwnam keeps its answer in static memory.
std::optional<Service> service() {
  const passwd* entry = ::getpwnam("qflow");  // NOLINT(concurrency-mt-unsafe)
  if (entry == nullptr || entry->pw_uid == 0 || entry->pw_dir == nullptr || *entry->pw_dir != '/') return {};
  return Service{entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

bool has_database(const std::string& directory) {
  std::error_code error;
  return std::filesystem::exists(directory + "/qflow.db", error);
}

}  // namespace

void find_installation(config::Config& config) {
  const char* named = std::getenv("QFLOW_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if ((named != nullptr && *named != '\0') || config.data_dir != default_data_dir()) return;
  const auto found = service();
  if (!found || found->directory == config.data_dir) return;
  if (::geteuid() == 0 && !has_database(config.data_dir)) {
    config.data_dir = found->directory;
    return;
  }
  if (::geteuid() != 0 && has_database(config.data_dir)) return;
  const char* remedy = ::geteuid() == 0 ? "name it with --data-dir" : "only root and its user may change it (sudo)";
  fmt::print(stderr, "This is your own installation in {}; the service's is in {}: {}.\n", printable(config.data_dir),
             printable(found->directory), remedy);
}

void become_owner(const std::string& directory) {
  if (::geteuid() != 0) return;
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) {
    const auto found = service();
    if (!found || found->directory != directory) return;
    sandbox::check(::mkdir(directory.c_str(), 0700), fmt::format("mkdir({})", directory));
    sandbox::check(::lchown(directory.c_str(), found->uid, found->gid), fmt::format("lchown({})", directory));
    sandbox::check(::stat(directory.c_str(), &info), fmt::format("stat({})", directory));
  }
  if (info.st_uid == 0) return;
  sandbox::check(::setgroups(1, &info.st_gid), "setgroups");
  sandbox::check(::setresgid(info.st_gid, info.st_gid, info.st_gid), "setresgid");
  sandbox::check(::setresuid(info.st_uid, info.st_uid, info.st_uid), "setresuid");
}

}  // namespace qflow::cli
