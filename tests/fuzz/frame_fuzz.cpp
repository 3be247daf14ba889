// Bytes from a worker: the decoder turns any bytes into frames or a named error, and every message into a value or a
// reason.
#include <cstdlib>

#include "schema/messages.hpp"

using namespace qflow::schema;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Decoder decoder(1U << 16U);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 64;
  for (std::size_t at = 0; at < size; at += piece) {
    decoder.feed(bytes.substr(at, piece));
    while (auto frame = decoder.next()) {
      std::string error;
      static_cast<void>(unpack<Hello>(*frame, error));
      static_cast<void>(unpack<Loaded>(*frame, error));
      static_cast<void>(unpack<Result>(*frame, error));
      static_cast<void>(unpack<Raised>(*frame, error));
      static_cast<void>(unpack<Chunk>(*frame, error));
      static_cast<void>(unpack<Exited>(*frame, error));
      // A frame that was read can be written and read again unchanged.
      std::string again;
      encode(*frame, again);
      Decoder second;
      second.feed(again);
      const auto same = second.next();
      if (!same || same->id != frame->id || same->meta != frame->meta || same->payload != frame->payload) std::abort();
    }
  }
  if (decoder.held() > (1U << 16U) + 64) std::abort();
  return 0;
}
