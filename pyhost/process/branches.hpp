// The forks of this process: how they are made, and the pipes through which they hand values back. Worker process.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

#include "sandbox/sys.hpp"

namespace qflow::pyhost {

class Branches {
 public:
  /// fork(2), with what Python does before and after. In the branch (0) the daemon's three descriptors, which are
  /// closed here, are its channels; its parent's forks are not its children, but their pipes are
  /// its own, too: it may take its parent's place. -1 with errno: there is none; EBUSY: Python has
  /// several threads.
  pid_t fork(std::uint32_t number, std::vector<sandbox::UniqueFd>& channels);
  /// Where the values of that branch come from; -1: there is none.
  int from(std::uint32_t number) const { return end_of(from_, number); }
  /// In the branch of that number, or a fork of it: where its values go; -1: it is not one.
  int to(std::uint32_t number) const { return end_of(to_, number); }
  /// That branch is over: its pipe is closed, and it is waited for, here or when it has ended. `pid`: of another's
  /// branch, which has become a child of this process.
  void drop(std::uint32_t number, pid_t pid);
  /// Waits for those that have ended, without waiting.
  void reap();

 private:
  using Ends = std::map<std::uint32_t, sandbox::UniqueFd>;
  static int end_of(const Ends& ends, std::uint32_t number) {
    const auto found = ends.find(number);
    return found == ends.end() ? -1 : found->second.get();
  }
  Ends from_, to_;
  std::map<std::uint32_t, pid_t> living_;
  std::vector<pid_t> leaving_;
};

}  // namespace qflow::pyhost
