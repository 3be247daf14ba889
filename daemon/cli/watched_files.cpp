#include "daemon/cli/watched_files.hpp"

#include <sys/stat.h>

#include <chrono>
#include <set>
#include <thread>

namespace qflow::cli {

namespace {
constexpr auto kBetween = std::chrono::milliseconds(250);
}

WatchedFiles::State WatchedFiles::state_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {true, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

void WatchedFiles::add(const std::filesystem::path& path) { files_.try_emplace(path, state_of(path)); }

std::vector<std::string> WatchedFiles::wait() {
  std::set<std::string> changed;
  for (;;) {
    bool moved = false;
    for (auto& [path, known] : files_) {
      const State now = state_of(path);
      if (now == known) continue;
      known = now;
      changed.insert(path.string());
      moved = true;
    }
    // An editor that saves several files, or one in several steps, has finished when nothing moves.
    if (!changed.empty() && !moved) return {changed.begin(), changed.end()};
    std::this_thread::sleep_for(kBetween);
  }
}

}  // namespace qflow::cli
