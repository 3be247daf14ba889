#include "pyhost/process/usage_meter.hpp"

#include <sys/resource.h>
#include <sys/statfs.h>

#include <algorithm>

#include "sandbox/policy.hpp"

namespace qflow::pyhost {
namespace {

std::int64_t held_by_own_files() noexcept {
  std::int64_t bytes = 0;
  for (const char* at : {"/tmp", "/dev/shm", sandbox::kWorkDirectory.data()}) {
    struct statfs info {};
    if (::statfs(at, &info) == 0) bytes += static_cast<std::int64_t>((info.f_blocks - info.f_bfree)) * info.f_bsize;
  }
  return bytes;
}

}  // namespace

schema::Used UsageMeter::take(bool files) noexcept {
  rusage own{}, children{};
  ::getrusage(RUSAGE_SELF, &own);
  ::getrusage(RUSAGE_CHILDREN, &children);
  const auto us = [](const timeval& t) { return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; };
  const schema::Used now{
      us(own.ru_utime) + us(children.ru_utime),    us(own.ru_stime) + us(children.ru_stime),
      std::max(own.ru_maxrss, children.ru_maxrss), own.ru_minflt + children.ru_minflt,
      own.ru_majflt + children.ru_majflt,          files ? held_by_own_files() : last_.written_bytes};
  const schema::Used since{now.user_us - last_.user_us,
                           now.system_us - last_.system_us,
                           now.peak_rss_kib,
                           now.minor_faults - last_.minor_faults,
                           now.major_faults - last_.major_faults,
                           std::max<std::int64_t>(0, now.written_bytes - last_.written_bytes)};
  last_ = now;
  return since;
}

}  // namespace qflow::pyhost
