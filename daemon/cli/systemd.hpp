// Notifications to systemd (sd_notify(3)). Do nothing unless $NOTIFY_SOCKET is set. Any thread.
#pragma once
#include <chrono>
#include <string>

namespace qflow::cli {

/// "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=…"; several are separated by line feeds.
void notify_service(const std::string& state);
/// How often "WATCHDOG=1" is due: half of systemd's time-out ($WATCHDOG_USEC); zero: never.
std::chrono::microseconds watchdog_interval();

}  // namespace qflow::cli
