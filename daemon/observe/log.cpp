#include "daemon/observe/log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "daemon/base/time.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::log {
namespace {
std::atomic<Level>& threshold() {
  static std::atomic<Level> level{Level::info};
  return level;
}
}  // namespace

void set_level(Level level) { threshold() = level; }

Level level_of(std::string_view name) {
  return name == "debug"     ? Level::debug
         : name == "warning" ? Level::warning
         : name == "error"   ? Level::error
                             : Level::info;
}

namespace {
// systemd.exec(5): $JOURNAL_STREAM names the device and inode of what standard error is connected to, if that is the
// journal; sd-daemon(3): "<N>" at the beginning of a line is then its priority.
bool to_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) < 0) return false;
  return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}
}  // namespace

void write(Level level, std::string_view module, std::string_view message, boost::json::object fields) {
  if (level < threshold().load(std::memory_order_relaxed)) return;
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  boost::json::object line;
  line["timestamp"] = iso_time(now_us());
  line["level"] = kNames[static_cast<int>(level)];
  line["module"] = module;
  line["message"] = message;
  for (auto& [key, value] : fields) line[key] = std::move(value);
  static const bool kJournal = to_journal();
  static constexpr const char* kPriorities[] = {"<7>", "<6>", "<4>", "<3>"};
  const std::string text = (kJournal ? kPriorities[static_cast<int>(level)] : "") + schema::write_json(line) + "\n";
  sandbox::write_all(STDERR_FILENO, text);  // one write: lines do not mix
}

}  // namespace qflow::log
