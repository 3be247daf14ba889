#include "daemon/services/upkeep.hpp"

#include <sys/statvfs.h>

#include <fstream>

#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/announcer.hpp"
#include "daemon/store/cache_rows.hpp"
#include "daemon/store/description_rows.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/usage_rows.hpp"

namespace qflow::services {
namespace {

std::int64_t before(std::int64_t now, double days) {
  return days <= 0 ? 0 : now - static_cast<std::int64_t>(days * 86'400e6);
}

// proc_stat(5): jiffies of all processors; idle and iowait are the fourth and fifth.
struct CpuTimes {
  double busy = 0, all = 0;
};
CpuTimes cpu_times() {
  std::ifstream stat("/proc/stat");
  std::string word;
  CpuTimes times;
  stat >> word;
  for (int i = 0; i < 8; ++i) {
    double value = 0;
    stat >> value;
    times.all += value;
    if (i != 3 && i != 4) times.busy += value;
  }
  return times;
}

double memory_percent() {
  std::ifstream info("/proc/meminfo");
  std::string key;
  double value = 0, total = 0, available = 0;
  for (std::string unit; info >> key >> value && std::getline(info, unit);) {
    if (key == "MemTotal:") total = value;
    if (key == "MemAvailable:") available = value;
  }
  return total > 0 ? 100 * (1 - available / total) : 0;
}

double disk_percent(const std::string& directory) {
  struct statvfs fs {};
  if (::statvfs(directory.c_str(), &fs) < 0 || fs.f_blocks == 0) return 0;
  return 100 * (1 - static_cast<double>(fs.f_bavail) / static_cast<double>(fs.f_blocks));
}

Task<> note_health(Services& services, CpuTimes& last) {
  const CpuTimes now = cpu_times();
  store::HealthSample sample;
  sample.cpu_percent = now.all > last.all ? 100 * (now.busy - last.busy) / (now.all - last.all) : 0;
  last = now;
  sample.memory_percent = memory_percent();
  sample.disk_percent = disk_percent(services.store.directory());
  struct Look {
    std::size_t environments = 0, running = 0, waiting = 0;
    workers::PoolCounts counts;
  };
  auto look = [&services]() -> Task<Look> {
    Look seen;
    seen.environments = services.engine.pool().states().size();
    seen.running = services.engine.running();
    seen.waiting = services.engine.waiting();
    seen.counts = services.engine.pool().counts();
    co_return seen;
  };
  const Look found = co_await on_engine(services, std::move(look));
  sample.active_containers = static_cast<std::int64_t>(found.environments);
  sample.active_workflows = static_cast<std::int64_t>(found.running);
  sample.recorded_at = now_us();
  services.store.post([sample, found](sqlite::Tx& tx) {
    store::insert_health(tx, sample);
    const auto note = [&](const char* name, std::size_t value) {
      store::insert_metric(tx, name, static_cast<double>(value), "count", sample.recorded_at);
    };
    note("executions_running", found.running);
    note("executions_waiting", found.waiting);
    note("spare_hits", found.counts.spare_hits);
    note("spare_misses", found.counts.spare_misses);
    note("zygotes_lost", found.counts.zygotes_lost);
  });
}

}  // namespace

namespace {

// A `qflow run` that was killed leaves executions that look as if they still ran.
Task<> note_crashed(Services& services) {
  auto job = [](sqlite::Tx& tx) { return store::mark_crashed(tx); };
  const auto gone = co_await services.store.write_always(std::move(job));
  for (const store::Execution& row : gone) publish_end(services.events, row);
  if (!gone.empty())
    log::warning("store", "executions whose process has ended were marked as crashed", {{"count", gone.size()}});
}

}  // namespace

Task<std::int64_t> tidy_once(Services& services) {
  const auto config = services.config.get();
  const std::int64_t now = now_us();
  store::Expiry expiry;
  expiry.executions_before = before(now, config->retention.executions_days);
  expiry.metrics_before = before(now, config->retention.metrics_days);
  expiry.audit_before = before(now, config->retention.audit_days);
  expiry.now = now;
  expiry.versions_kept = static_cast<std::int64_t>(config->retention.workflow_versions);
  std::int64_t deleted = 0;
  for (bool more = true; more;) {
    auto piece = [expiry](sqlite::Tx& tx) {
      std::vector<std::string> orphans;
      const std::int64_t rows = store::delete_expired(tx, expiry, orphans);
      return std::make_pair(rows, std::move(orphans));
    };
    const auto gone = co_await services.store.write_always(std::move(piece));
    deleted += gone.first;
    more = gone.first > 0;
    auto drop = [&store = services.store, hashes = gone.second] {
      for (const std::string& hash : hashes) store.drop_blob(hash);
    };
    if (!gone.second.empty()) co_await services.store.offload(std::move(drop));
    if (more) co_await sleep_for(std::chrono::milliseconds(20));
  }
  auto stale = [now](sqlite::Tx& tx) { return store::delete_stale(tx, now); };
  deleted += co_await services.store.write_always(std::move(stale));
  // Code that is still in use will be described again.
  auto forget = [old = before(now, 90)](sqlite::Tx& tx) { return store::delete_descriptions(tx, old, 256LL << 20); };
  deleted += co_await services.store.write(std::move(forget));
  for (std::int64_t gone = 1; gone > 0; deleted += gone) {
    auto piece = [old = now - 3'600'000'000](sqlite::Tx& tx) { return store::delete_documents(tx, old); };
    gone = co_await services.store.write(std::move(piece));
  }
  for (int i = 0; i < 1000; ++i) {
    auto vacuum = [](sqlite::Tx& tx) { return store::vacuum_some(*tx.operator->()); };
    if (co_await services.store.write(std::move(vacuum)) == 0) break;
    co_await sleep_for(std::chrono::milliseconds(20));
  }
  auto sweep = [&store = services.store] { return store.sweep_blobs(); };
  const std::size_t blobs = co_await services.store.offload(std::move(sweep));
  if (deleted > 0 || blobs > 0) log::info("store", "tidied", {{"rows", deleted}, {"blobs", blobs}});
  co_return deleted;
}

namespace {

// Once a minute. A failure is logged; it must not hold up the tidying.
Task<> note_minute(Services& services, CpuTimes& last) {
  try {
    co_await note_crashed(services);
    co_await note_health(services, last);
  } catch (const std::exception& error) {
    log::warning("store", "noting the state of the host failed; it will be tried again", {{"reason", error.what()}});
  }
}

}  // namespace

Task<> keep_tidy(Services& services) {
  CpuTimes last = cpu_times();
  auto next = Clock::now() + std::chrono::seconds(10);
  for (int round = 0;; ++round) {
    co_await sleep_for(std::chrono::seconds(10));
    if (round % 6 == 0) co_await note_minute(services, last);
    if (Clock::now() < next) continue;
    try {
      co_await tidy_once(services);
    } catch (const std::exception& error) {
      log::warning("store", "tidying failed; it will be tried again", {{"reason", error.what()}});
    }
    next = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(
                              services.config.get()->retention.every_minutes));
  }
}

}  // namespace qflow::services
