// The part of Walk that says which steps could run beside one another, and whether that would pay.
#include <algorithm>

#include "daemon/engine/walk.hpp"

namespace qflow::engine {
namespace {

constexpr float kLong = 5;  // milliseconds: a fork, and a value that comes back, cost about one

}  // namespace

// Which region a unit belongs to: that of its sources, or a new one if it is ready. False: there must be no branches
// here, since the unit ends the execution when the plan's order comes to it.
bool Walk::place(std::size_t unit, std::vector<Region>& regions, std::map<std::size_t, std::size_t>& region_of) const {
  const std::size_t end = run_.end_of(unit);
  const std::size_t group = run_.plan.steps[unit].group;
  std::optional<std::size_t> home;
  bool alone = true;
  for (std::size_t k = unit; k < end; ++k) {
    const flow::Step& step = run_.plan.steps[k];
    if (step.node.control == flow::Control::stop) return false;
    if (step.group != group || step.node.control == flow::Control::wait) return true;
    for (const flow::Source& source : step.sources) {
      if (!source.step || (*source.step >= unit && *source.step < end)) continue;
      if (const auto found = region_of.find(*source.step); found != region_of.end()) {
        if (!alone && home != found->second) return true;
        home = found->second;
        alone = false;
      } else if (!passed_[*source.step]) {
        return true;  // it needs what is in no region, or in several
      }
    }
  }
  if (alone) {
    if (judged_.count(unit) != 0 || run_.order.gives(unit) || readiness(unit).what != Readiness::What::go) return true;
    home = regions.size();
    regions.emplace_back();
    regions.back().group = group;
  } else if (regions[*home].group != group) {
    return true;
  }
  regions[*home].units.push_back(unit);
  for (std::size_t k = unit; k < end; ++k) region_of[k] = *home;
  return true;
}

std::vector<Walk::Region> Walk::regions_of(const Units& units, std::size_t at) const {
  std::vector<Region> regions;
  std::map<std::size_t, std::size_t> region_of;
  for (; at < units.size(); ++at)
    if (!passed_[units[at]] && !place(units[at], regions, region_of)) return {};
  return regions;
}

// What is not known yet is tried once.
bool Walk::pays(const std::vector<Region>& regions) const {
  if (run_.plan.parallel == flow::Parallel::on) return true;
  std::size_t longs = 0;
  for (const Region& region : regions) {
    const bool known = std::all_of(region.units.begin(), region.units.end(),
                                   [&](std::size_t unit) { return run_.pace.milliseconds[unit] >= 0; });
    if (!known || is_long(region)) ++longs;
  }
  return longs >= 2;
}

bool Walk::is_long(const Region& region) const {
  float sum = 0;
  for (const std::size_t unit : region.units) sum += std::max(0.0F, run_.pace.milliseconds[unit]);
  return sum >= kLong;
}

// Whether a value that can change, and is too large to be copied, goes to several regions.
bool Walk::shares_heavy(const std::vector<Region>& regions) const {
  std::map<std::size_t, std::size_t> takers;
  for (const Region& region : regions) {
    std::set<std::size_t> taken;
    for (const std::size_t unit : region.units)
      for (const flow::Source& source : run_.plan.steps[unit].sources)
        if (source.step && run_.pace.heavy[*source.step] && state_[*source.step] != State::dead)
          taken.insert(*source.step);
    for (const std::size_t step : taken)
      if (++takers[step] > 1) return true;
  }
  return false;
}

// The units that are not asked about again in this walk. A region that takes long may hold a section of its own.
void Walk::judge(const std::vector<Region>& regions, bool all) {
  for (const Region& region : regions) {
    judged_.insert(region.units.front());
    if (all || !is_long(region)) judged_.insert(region.units.begin(), region.units.end());
  }
}

}  // namespace qflow::engine
