// The daemon's log: one JSON object per line on standard error. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include <string_view>

namespace qflow::log {

enum class Level { debug, info, warning, error };

/// Lines below this level are dropped. Set at start and on SIGHUP.
void set_level(Level level);
/// "debug", "info", "warning", "error"; anything else is info.
Level level_of(std::string_view name);

/// Writes {"timestamp", "level", "module", "message", ...fields}. Control characters in texts are escaped by JSON.
void write(Level level, std::string_view module, std::string_view message, boost::json::object fields = {});

inline void info(std::string_view module, std::string_view message, boost::json::object fields = {}) {
  write(Level::info, module, message, std::move(fields));
}
inline void warning(std::string_view module, std::string_view message, boost::json::object fields = {}) {
  write(Level::warning, module, message, std::move(fields));
}
inline void error(std::string_view module, std::string_view message, boost::json::object fields = {}) {
  write(Level::error, module, message, std::move(fields));
}

}  // namespace qflow::log
