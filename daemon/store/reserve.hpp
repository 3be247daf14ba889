// Room on the disk that is kept for writes that end something.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>

namespace qflow::store {

/// A file of up to 4 MiB beside the database. When the disk is full it is deleted, so that the ends of executions, and
/// deletions, still fit; it is made again once there is room for it twice. Any thread.
class Reserve {
 public:
  /// Makes the file in `directory`, unless the disk has no room for it.
  explicit Reserve(const std::string& directory);
  /// The disk was found full: gives the room up. Until restore() succeeds, only writes that end something belong on it.
  void give_up();
  /// Whether the room was given up. Tries to make it again, which is one statfs(3) while the disk is full.
  bool is_given_up();

 private:
  bool make() const;
  std::string path_;
  std::atomic<bool> given_up_{false};
};

}  // namespace qflow::store
