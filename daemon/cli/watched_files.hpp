// The files that a run reads, and whether they change: for `qflow run --watch`. One thread.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace qflow::cli {

class WatchedFiles {
 public:
  /// A file that is about to be read or looked for. It need not exist: its coming is a change, too.
  void add(const std::filesystem::path& path);
  /// Waits until files have changed and rest for a moment, and returns their paths. Looks at each file's time, size and
  /// inode four times a second, which also works where inotify(7) does not: network file systems, shared folders.
  std::vector<std::string> wait();
  std::size_t size() const { return files_.size(); }

 private:
  struct State {
    bool present = false;
    std::int64_t changed_ns = 0;
    off_t size = 0;
    ino_t inode = 0;
    bool operator==(const State&) const = default;
  };
  static State state_of(const std::filesystem::path& path);
  std::map<std::filesystem::path, State> files_;
};

}  // namespace qflow::cli
