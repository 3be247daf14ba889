// The frame: how bytes on a worker's or a zygote's socket are cut into messages. Used on the daemon's engine strand and
// on a pyhost's only thread. See protocol.md; golden frames are in tests/unit/schema/golden.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qflow::schema {

/// Version that both sides announce in `ready` and `hello`; a peer with another version is refused.
inline constexpr std::uint32_t kProtocolVersion = 8;
/// Upper bound of `length`, and so of everything that a peer can make the other side hold for one frame.
inline constexpr std::uint32_t kMaxFrame = 16U << 20U;
/// Bytes from the length field to the meta text.
inline constexpr std::size_t kHeader = 16;

/// The kind of a frame. The numbers are part of the protocol; a number is never reused with another meaning.
enum class Kind : std::uint8_t {
  // daemon → zygote
  configure = 1,  ///< the policy and what to import; the first frame of a zygote
  spawn = 2,      ///< fork a worker; carries descriptors (socket, stdout, stderr, its cgroup)
  // zygote → daemon
  ready = 8,     ///< confined, interpreter up, waiting for `spawn`
  exited = 9,    ///< a worker was reaped: status and resource use as reported by wait4
  refused = 10,  ///< a step of the set-up failed: of a worker, by its id, or with id 0 of the sender, which ends
  // daemon → worker
  load = 16,    ///< compile and execute one node's module
  call = 17,    ///< call a loaded function with handles and literals
  fetch = 18,   ///< send a file that a value refers to, or the whole value
  file = 21,    ///< a piece of a file for the worker's own directory; before the loads
  module = 20,  ///< a module that nodes can import by its name; before the loads
  give = 19,    ///< the value of a call that ran in another worker of this execution, or before
  branch = 22,  ///< fork yourself; carries descriptors (socket, stdout, stderr)
  pack = 23,    ///< of a branch: hand a value to the worker that you were forked from
  take = 24,    ///< take a value from a branch of yours
  drop = 25,    ///< a branch of yours is over
  state = 26,   ///< what has changed of the workflow's state
  adopt = 27,   ///< of a branch: it begins another execution with some of its values
  // worker → daemon
  hello = 32,     ///< the self-check of a worker that has entered its sandbox; its first frame
  loaded = 33,    ///< the module is there; its function and parameters
  result = 34,    ///< a call returned
  raised = 35,    ///< a load or a call ended in an exception
  skipped = 36,   ///< a call was not made because its input failed
  chunk = 37,     ///< a piece of a fetched file
  analysed = 38,  ///< precedes `loaded` when a description was requested: the static analysis of the source
  branched = 39,  ///< it has forked itself, or could not
  moved = 40,     ///< a value was packed, or taken
  note = 41,      ///< what a node tells while it runs: progress, something to show, a line for the log
};

/// One frame. `id` ties an answer to its request: the number of the load, call, fetch or worker.
struct Frame {
  Kind kind{};
  std::uint32_t id = 0;
  std::string meta;     ///< a JSON object, UTF-8
  std::string payload;  ///< raw bytes: source text, a piece of a file
};

/// Appends the frame's bytes to `out`. Throws std::length_error when it would exceed kMaxFrame.
void encode(const Frame& frame, std::string& out);

/// Cuts a byte stream into frames. Holds at most one frame plus the bytes of the last feed(). Not thread-safe.
class Decoder {
 public:
  /// `limit`: the largest `length` to accept; at most kMaxFrame.
  explicit Decoder(std::uint32_t limit = kMaxFrame) : limit_(limit) {}
  /// Adds bytes received from the peer.
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole frame, or nothing when more bytes are needed or the stream is broken.
  std::optional<Frame> next();
  /// Why the stream cannot be read any further; empty while it can. Once set, it stays.
  const std::string& error() const { return error_; }
  /// Bytes held, for bounds.
  std::size_t held() const { return buffer_.size() - at_; }

 private:
  std::optional<Frame> fail(std::string why);
  std::uint32_t limit_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::string error_;
};

/// True for the numbers of Kind; everything else ends the peer.
bool is_known(std::uint8_t kind);

}  // namespace qflow::schema
