#include "schema/frame.hpp"

#include <bit>
#include <cstring>
#include <stdexcept>

namespace qflow::schema {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian and never leaves the machine");

void put(std::string& out, std::uint32_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

std::uint32_t get(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

constexpr std::size_t kAfterLength = kHeader - 4;  // kind, three zero bytes, id, meta length

}  // namespace

bool is_known(std::uint8_t kind) {
  switch (static_cast<Kind>(kind)) {
    case Kind::configure:
    case Kind::spawn:
    case Kind::ready:
    case Kind::exited:
    case Kind::refused:
    case Kind::load:
    case Kind::call:
    case Kind::fetch:
    case Kind::give:
    case Kind::module:
    case Kind::file:
    case Kind::hello:
    case Kind::analysed:
    case Kind::loaded:
    case Kind::result:
    case Kind::raised:
    case Kind::skipped:
    case Kind::chunk:
    case Kind::branch:
    case Kind::pack:
    case Kind::take:
    case Kind::drop:
    case Kind::state:
    case Kind::adopt:
    case Kind::branched:
    case Kind::moved:
    case Kind::note:
      return true;
  }
  return false;
}

void encode(const Frame& frame, std::string& out) {
  const std::size_t length = kAfterLength + frame.meta.size() + frame.payload.size();
  if (length > kMaxFrame) throw std::length_error("frame of " + std::to_string(length) + " bytes exceeds the limit");
  out.reserve(out.size() + 4 + length);
  put(out, static_cast<std::uint32_t>(length));
  put(out, static_cast<std::uint8_t>(frame.kind));
  put(out, frame.id);
  put(out, static_cast<std::uint32_t>(frame.meta.size()));
  out += frame.meta;
  out += frame.payload;
}

std::optional<Frame> Decoder::fail(std::string why) {
  error_ = std::move(why);
  buffer_.clear();
  at_ = 0;
  return std::nullopt;
}

std::optional<Frame> Decoder::next() {
  if (!error_.empty() || held() < 4) return std::nullopt;
  const char* base = buffer_.data() + at_;
  const std::uint32_t length = get(base);
  // Checked before anything is allocated for it: the length is only the peer's claim.
  if (length > limit_) return fail("frame length " + std::to_string(length) + " exceeds " + std::to_string(limit_));
  if (length < kAfterLength) return fail("frame length " + std::to_string(length) + " is shorter than a header");
  if (held() < kHeader) return std::nullopt;
  const std::uint32_t kind = get(base + 4);
  const std::uint32_t meta = get(base + 12);
  if (kind > 0xff || !is_known(static_cast<std::uint8_t>(kind)))
    return fail("unknown frame kind " + std::to_string(kind));
  if (meta > length - kAfterLength) return fail("meta length " + std::to_string(meta) + " exceeds its frame");
  if (held() < 4 + std::size_t{length}) return std::nullopt;
  Frame frame{static_cast<Kind>(kind), get(base + 8), std::string(base + kHeader, meta),
              std::string(base + kHeader + meta, length - kAfterLength - meta)};
  at_ += 4 + std::size_t{length};
  if (at_ == buffer_.size() || at_ > (1U << 20U)) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  return frame;
}

}  // namespace qflow::schema
