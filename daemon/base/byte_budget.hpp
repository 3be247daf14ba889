// Bytes that many hold at the same time: a bound for all of them and a share for each owner. Any thread.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace qflow {

class ByteBudget {
 public:
  /// Bytes taken from a budget, given back by the destructor. The budget outlives it.
  class Hold {
   public:
    Hold(ByteBudget& budget, std::string owner, std::uint64_t bytes);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    /// Gives back all but `bytes`, if it holds more.
    void shrink_to(std::uint64_t bytes);

   private:
    ByteBudget& budget_;
    std::string owner_;
    std::uint64_t bytes_;
  };

  /// `all`: of everybody together; `share`: of one owner.
  ByteBudget(std::uint64_t all, std::uint64_t share) : all_(all), share_(share) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  /// Null when the bytes are not there. An owner who holds nothing may take more than their share, and while nobody
  /// holds anything, more than all: what is large must be possible at some time. Shared: what the bytes are for may
  /// pass from hand to hand.
  std::shared_ptr<Hold> take(const std::string& owner, std::uint64_t bytes);
  std::uint64_t held() const;

 private:
  const std::uint64_t all_, share_;
  mutable std::mutex mutex_;
  std::uint64_t held_ = 0;
  std::map<std::string, std::uint64_t> held_by_;
};

}  // namespace qflow
