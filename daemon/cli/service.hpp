// What systemd is told, and when (sd_notify(3)). Does nothing where $NOTIFY_SOCKET is not set. Any thread.
#pragma once
#include <chrono>
#include <string>

namespace qflow::cli {

/// "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=…"; several are separated by line feeds.
void notify_service(const std::string& state);
/// How often "WATCHDOG=1" is due: half of what systemd waits ($WATCHDOG_USEC); zero: not at all.
std::chrono::microseconds watchdog_interval();

}  // namespace qflow::cli
