#include "daemon/observe/log.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/json/serialize.hpp>

#include "daemon/observe/time.hpp"
#include "sandbox/sys.hpp"

namespace qflow::log {
namespace {
std::atomic<Level>& threshold() {
  static std::atomic<Level> level{Level::info};
  return level;
}
}  // namespace

void set_level(Level level) { threshold() = level; }

void write(Level level, std::string_view module, std::string_view message, boost::json::object fields) {
  if (level < threshold().load(std::memory_order_relaxed)) return;
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  boost::json::object line;
  line["timestamp"] = iso_time(now_us());
  line["level"] = kNames[static_cast<int>(level)];
  line["module"] = module;
  line["message"] = message;
  for (auto& [key, value] : fields) line[key] = std::move(value);
  sandbox::write_all(STDERR_FILENO, boost::json::serialize(line) + "\n");  // one write: lines do not mix
}

}  // namespace qflow::log
