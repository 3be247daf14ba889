// A worker's standard output: what is kept stays within bounds, however the stream is cut and whatever marks it forges.
#include <cstdlib>

#include "daemon/workers/output.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qflow::workers::OutputCutter cutter("0123456789abcdef", 64);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 64;
  for (std::size_t at = 0; at < size; at += piece) cutter.feed(bytes.substr(at, piece));
  std::uint64_t total = 0;
  for (std::uint32_t id = 0; id < 4; ++id) {
    const auto part = cutter.take(id);
    if (part.text.size() > 64 || part.denied.size() > 16) std::abort();
    for (const auto& call : part.denied)
      if (qflow::sandbox::explain(call).act.empty()) std::abort();
    total += part.text.size() + part.dropped;
  }
  if (total > size) std::abort();
  return 0;
}
