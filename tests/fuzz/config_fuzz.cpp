// The configuration file: any text is accepted, or refused with a message.
#include <cstdlib>

#include "daemon/base/fault.hpp"
#include "daemon/config/read.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace qflow;
  config::Config config;
  try {
    config::read_text(std::string(reinterpret_cast<const char*>(data), size), "f", config);
    config::check(config);
  } catch (const Fault& fault) {
    if (fault.message.empty()) std::abort();
    return 0;
  }
  config::Config again;
  config::read_text(config::to_toml(config), "again", again);
  if (config::to_toml(again) != config::to_toml(config)) std::abort();
  return 0;
}
