#include "daemon/workers/pool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/base/processors.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::workers {

namespace {
constexpr unsigned kLowWater = 2;
constexpr auto kAfterBurst = std::chrono::seconds(5);  // until spares that a burst left behind are ended
}  // namespace

struct Pool::Nursery : std::enable_shared_from_this<Nursery> {
  Nursery(Pool& owner, Environment& home, std::shared_ptr<Zygote> z)
      : pool(owner), environment(home), zygote(std::move(z)), changed(owner.executor_) {}
  Pool& pool;
  Environment& environment;
  std::shared_ptr<Zygote> zygote;
  Event changed;  ///< a spare came, or the zygote is ready or lost
  std::deque<std::shared_ptr<Worker>> spares;
  unsigned coming = 0;
  unsigned waiting = 0;
  unsigned busy = 0;      ///< executions that hold a worker of this zygote; the number of spares follows it
  unsigned failures = 0;  ///< spawns in a row that produced no worker
  bool ready = false;
  bool closed = false;
  bool paused = false;  ///< a spawn has just failed
  std::string failure;
  Clock::time_point last_used = Clock::now();
  /// Whether the next spare will wait for its job. A spare that is taken at once, because an execution waits or under
  /// load, would only lose time by preparing itself.
  bool next_will_wait() const { return spares.size() + coming >= waiting && busy <= processors(); }
  Clock::duration idle() const { return busy + waiting > 0 ? Clock::duration(0) : Clock::now() - last_used; }
  unsigned target() const;
};

struct Pool::Environment {
  std::string python;
  std::string name;
  std::string pyhost;
  Sandbox sandbox;                                  ///< with the installation's limits
  std::vector<std::shared_ptr<Nursery>> nurseries;  ///< the lean one first
  std::set<std::string> threaded;                   ///< modules that must not be imported before a fork
  unsigned failed_starts = 0;
  bool dropped = false;  ///< its name is gone; executions in it end by themselves
};

// An environment that somebody has made and nobody uses keeps one spare.
unsigned Pool::Nursery::target() const {
  if (!environment.name.empty() && idle() > pool.idle_time()) return 1;
  return std::clamp(busy + pool.settings_.min_spares, pool.settings_.min_spares, pool.settings_.max_spares);
}

Pool::Pool(const asio::any_io_executor& executor, const Settings& settings)
    : executor_(executor), settings_(settings) {}
Pool::~Pool() { shut_down(); }

// Grants are built into a zygote; limits are each worker's own.
Pool::Environment& Pool::environment(const std::string& python, const std::string& name, const Sandbox& sandbox) {
  const std::string& pyhost = pyhost_for(settings_.pythons, python);
  const std::string key = fmt::format("{} {} {:d} {}", pyhost, sandbox::word(sandbox.network), sandbox.programs, name);
  auto& slot = environments_[key];
  if (!slot)
    slot = std::make_unique<Environment>(
        Environment{python, name, pyhost, {settings_.limits, sandbox.network, sandbox.programs}, {}, {}, 0, false});
  return *slot;
}

std::shared_ptr<Pool::Nursery> Pool::add_nursery(Environment& home, std::vector<std::string> modules) {
  auto zygote = std::make_shared<Zygote>(executor_, settings_, home.pyhost, std::move(modules), home.sandbox,
                                         settings_.find_venv(home.name));
  auto nursery = std::make_shared<Nursery>(*this, home, std::move(zygote));
  asio::co_spawn(executor_, bring_up(nursery), asio::detached);
  return nursery;
}

Task<> Pool::bring_up(std::shared_ptr<Nursery> nursery) {
  try {
    co_await nursery->zygote->start();
    nursery->ready = true;
    nursery->environment.failed_starts = 0;
    log::info("workers", "zygote ready",
              {{"python", nursery->zygote->python()},
               {"modules", boost::json::value_from(nursery->zygote->modules())},
               {"policy", sandbox::to_text(nursery->zygote->policy())}});
    refill(nursery);
  } catch (const std::exception& error) {
    nursery->failure = error.what();
    nursery->closed = true;
    ++nursery->environment.failed_starts;
    const std::string& threaded = nursery->zygote->threaded_module();
    if (!threaded.empty()) nursery->environment.threaded.insert(threaded);
    log::warning("workers", error.what());
  }
  nursery->changed.signal();
}

// The nursery whose imports fit best: exactly these modules, otherwise the lean nursery while the exact one comes up.
std::shared_ptr<Pool::Nursery> Pool::choose(Environment& home, const std::vector<std::string>& wanted) {
  auto& all = home.nurseries;
  const auto dead = [](const auto& n) { return n->closed || (n->ready && !n->zygote->alive()); };
  for (const auto& n : all)
    if (n->ready && !n->closed && !n->zygote->alive()) ++counts_.zygotes_lost;
  std::erase_if(all, dead);
  if (all.empty() || !all.front()->zygote->modules().empty()) all.insert(all.begin(), add_nursery(home, {}));
  if (!settings_.preload || wanted.empty() || !all.front()->ready) return all.front();
  const std::set<std::string>& present = all.front()->zygote->present();
  std::vector<std::string> modules;
  for (const auto& name : wanted)
    if (home.threaded.count(name) == 0 && present.count(name) == 0) modules.push_back(name);
  if (modules.empty()) return all.front();
  for (const auto& nursery : all)
    if (nursery->zygote->modules() == modules) return nursery->ready ? nursery : all.front();
  if (all.size() >= settings_.max_zygotes + 1) {
    const auto oldest = std::min_element(all.begin() + 1, all.end(),
                                         [](const auto& a, const auto& b) { return a->last_used < b->last_used; });
    if (Clock::now() - (*oldest)->last_used < std::chrono::seconds(10)) return all.front();
    (*oldest)->closed = true;
    (*oldest)->spares.clear();
    (*oldest)->zygote->retire();
    all.erase(oldest);
  }
  all.push_back(add_nursery(home, std::move(modules)));
  return all.front();
}

void Pool::refill(const std::shared_ptr<Nursery>& nursery) {
  if (!nursery->ready || nursery->closed || nursery->paused || !nursery->zygote->alive()) return;
  while (!nursery->closed && !nursery->paused &&
         nursery->spares.size() + nursery->coming < nursery->target() + nursery->waiting) {
    const bool warm = nursery->next_will_wait();
    ++nursery->coming;
    asio::co_spawn(nursery->pool.executor_, raise_spare(nursery, warm), asio::detached);
  }
}

Task<> Pool::raise_spare(std::shared_ptr<Nursery> nursery, bool warm) {
  std::shared_ptr<Worker> worker;
  std::string problem = "it did not come up";
  try {
    worker = co_await nursery->zygote->spawn(nursery->pool.settings_.limits, warm);
  } catch (const std::exception& error) {
    problem = error.what();  // out of descriptors, most likely
  }
  --nursery->coming;
  if (worker && !nursery->closed) {
    ++nursery->pool.counts_.workers_started;
    nursery->failures = 0;
    nursery->spares.push_back(std::move(worker));
  } else if (!worker && !nursery->closed) {
    spawn_failed(nursery, problem);
  }
  nursery->changed.signal();
}

// Retries later, not at once: a spawn would fail again, and this strand has other work. After five failures in a row
// the zygote is given up; the next execution starts another.
void Pool::spawn_failed(const std::shared_ptr<Nursery>& nursery, const std::string& problem) {
  log::error("workers", "a worker could not be started: " + problem);
  if (++nursery->failures >= 5) {
    nursery->failure = "no worker could be started: " + problem;
    nursery->closed = true;
    nursery->spares.clear();
    nursery->zygote->retire();
    return;
  }
  nursery->paused = true;
  asio::co_spawn(nursery->pool.executor_, resume_later(nursery), asio::detached);
}

Task<> Pool::resume_later(std::shared_ptr<Nursery> nursery) {
  co_await sleep_for(std::chrono::milliseconds(100) * (1U << nursery->failures));
  nursery->paused = false;
  refill(nursery);
  nursery->changed.signal();
}

void Pool::renew_if_worn(Environment& home, const std::shared_ptr<Nursery>& nursery) {
  if (!nursery->zygote->worn_out() || nursery->closed) return;
  const auto at = std::find(home.nurseries.begin(), home.nurseries.end(), nursery);
  if (at == home.nurseries.end()) return;
  // The old nursery serves the executions that already wait for it; new executions get the new one.
  *at = add_nursery(home, nursery->zygote->modules());
  nursery->spares.clear();
  nursery->closed = true;
  nursery->zygote->retire();
}

Lease Pool::hand_out(Environment& home, const std::shared_ptr<Nursery>& nursery, std::shared_ptr<Worker> worker) {
  running_.insert(worker);
  ++nursery->busy;
  // The next spare is forked when this execution is over, unless the spares run out: a fork alongside the execution
  // would take its processor.
  worker->on_release = [nursery] {
    --nursery->busy;
    refill(nursery);
  };
  if (nursery->spares.size() < std::min(kLowWater, nursery->target())) refill(nursery);
  renew_if_worn(home, nursery);
  return {*this, executor_, std::move(worker)};
}

Task<Lease> Pool::acquire(const std::string& python, const std::string& name, const std::vector<std::string>& modules,
                          const Sandbox& sandbox) {
  Environment& home = environment(python, name, sandbox);
  const sandbox::Limits limits = sandbox.limits;
  const bool to_order = limits != settings_.limits;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (home.dropped) throw Fault(FaultKind::conflict, "container_gone", "the environment was deleted in the meantime");
    const std::shared_ptr<Nursery> nursery = choose(home, modules);
    nursery->last_used = Clock::now();
    bool waited = false;
    if (!to_order) ++nursery->waiting;
    while (!nursery->closed && (!nursery->ready || nursery->zygote->alive())) {
      while (!nursery->spares.empty() && !nursery->spares.front()->alive()) nursery->spares.pop_front();
      if (to_order ? nursery->ready : !nursery->spares.empty()) break;
      if (!to_order) refill(nursery);
      if (nursery->closed || !nursery->spares.empty()) continue;
      waited = true;
      co_await nursery->changed.wait();
    }
    if (!to_order) --nursery->waiting;
    if (to_order && nursery->ready && !nursery->closed) {
      ++counts_.spare_misses;
      std::shared_ptr<Worker> worker;
      try {
        worker = co_await nursery->zygote->spawn(limits, false);
      } catch (const std::exception& error) {
        log::error("workers", std::string("a worker could not be started: ") + error.what());
      }
      if (!worker) continue;
      ++counts_.workers_started;
      co_return hand_out(home, nursery, std::move(worker));
    }
    if (!to_order && !nursery->spares.empty()) {
      // Take the spare that has waited longest: its pages have settled.
      std::shared_ptr<Worker> worker = std::move(nursery->spares.front());
      nursery->spares.pop_front();
      ++(waited ? counts_.spare_misses : counts_.spare_hits);
      co_return hand_out(home, nursery, std::move(worker));
    }
    if (!nursery->ready && home.failed_starts > 0)
      throw Fault(FaultKind::unavailable, "sandbox_unavailable", nursery->failure);
  }
  throw Fault(FaultKind::unavailable, "no_worker",
              fmt::format("no Python {} worker could be started; the log has the reasons", python));
}

Task<> Pool::warm_up(const std::string& python, const std::string& name) {
  const Sandbox sandbox{settings_.limits, {}, false};
  const std::vector<std::string> none;
  const Lease lease = co_await acquire(python, name, none, sandbox);
}

void Pool::release(const std::shared_ptr<Worker>& worker) {
  if (running_.erase(worker) == 0) return;
  worker->release();
}

void Pool::close(Nursery& nursery) {
  nursery.closed = true;
  nursery.spares.clear();
  nursery.zygote->retire();
  nursery.changed.signal();
}

void Pool::close_all(Environment& home) {
  for (const auto& nursery : home.nurseries) close(*nursery);
  home.nurseries.clear();
}

Clock::duration Pool::idle_time() const {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double, std::ratio<60>>(settings_.idle_minutes));
}

void Pool::trim() {
  for (auto& [key, home] : environments_) {
    for (const auto& nursery : home->nurseries)
      if (nursery->idle() > kAfterBurst)
        while (nursery->spares.size() > nursery->target()) nursery->spares.pop_back();
    // The lean one stays; it is the first.
    std::erase_if(home->nurseries, [&](const std::shared_ptr<Nursery>& nursery) {
      if (nursery == home->nurseries.front() || !nursery->ready || nursery->idle() < idle_time()) return false;
      close(*nursery);
      return true;
    });
  }
}

void Pool::shut_down() {
  for (auto& [key, home] : environments_) close_all(*home);
}

// The Environment itself stays: executions that wait for it hold references.
void Pool::drop(const std::string& name) {
  for (auto& [key, home] : environments_)
    if (home->name == name) {
      home->dropped = true;
      close_all(*home);
    }
}

void Pool::adopt(const Settings& settings) {
  settings_ = settings;
  for (auto& [key, home] : environments_) {
    home->sandbox.limits = settings_.limits;
    close_all(*home);
  }
}

std::vector<Pool::EnvironmentState> Pool::states() const {
  std::vector<EnvironmentState> out;
  for (const auto& [key, home] : environments_) {
    if (home->dropped) continue;
    EnvironmentState state{home->python, home->name, {}, false, home->nurseries.size(), 0};
    for (const auto& nursery : home->nurseries) {
      state.ready = state.ready || (nursery->ready && nursery->zygote->alive());
      state.spares += nursery->spares.size();
      if (nursery->zygote->pid() > 0) state.pids.push_back(nursery->zygote->pid());
    }
    out.push_back(state);
  }
  return out;
}

}  // namespace qflow::workers
