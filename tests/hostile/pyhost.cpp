// A hostile pyhost: it puts its walls up as the real one does, so that the daemon accepts it, and then breaks the
// protocol. The node's code names a worker's act, the directory of the executable names a zygote's act:
// protocol_test.cpp has the lists. Written in C++ because a node in Python could not do all of this.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sandbox/inner.hpp"
#include "sandbox/outer.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

using namespace qflow;

namespace {

constexpr int kSocket = sandbox::kControlFd;

void put(std::string_view bytes) {
  if (!sandbox::write_all(kSocket, bytes)) ::_exit(0);
}
template <class Message>
void say(schema::Kind kind, std::uint32_t id, const Message& message, std::string payload = {}) {
  std::string out;
  schema::pack(kind, id, message, out, std::move(payload));
  put(out);
}
std::string raw(std::uint32_t length, std::uint32_t kind, std::uint32_t id, std::uint32_t meta_length,
                const std::string& rest = {}) {
  std::string out(16, '\0');
  for (const auto& [at, value] : {std::pair{0, length}, {4, kind}, {8, id}, {12, meta_length}})
    std::memcpy(out.data() + at, &value, 4);
  return out + rest;
}
[[noreturn]] void forever() {
  for (;;) ::pause();
}

schema::Loaded good_loaded() {
  schema::Loaded loaded;
  loaded.function = "f";
  loaded.functions.push_back({"f", {}, "", false, false});
  return loaded;
}
schema::Result good_result() {
  schema::Result result;
  result.type = "int";
  result.preview = "1";
  return result;
}

std::string g_nonce;

// The acts of a worker once it has its code (the load has id 1, the call will have id 2).
const std::map<std::string, std::function<void()>> kActs{
    {"behaves",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::result, 2, good_result());
     }},
    // sizes
    {"length zero", [] { put(raw(0, 33, 1, 0)); }},
    {"length below the header", [] { put(raw(11, 33, 1, 0)); }},
    {"length of four gigabytes", [] { put(raw(0xffffffffU, 33, 1, 2, "{}")); }},
    {"length just above the limit", [] { put(raw((16U << 20U) + 1, 33, 1, 2, "{}")); }},
    {"meta beyond the frame", [] { put(raw(14, 33, 1, 3, "{}")); }},
    {"half a header, then the end",
     [] {
       put("\x10");
       ::_exit(0);
     }},
    {"half a frame, then the end",
     [] {
       put(raw(1000, 33, 1, 900, "{"));
       ::_exit(0);
     }},
    {"half a frame, then nothing",
     [] {
       put(raw(1000, 33, 1, 900, "{"));
       forever();
     }},
    {"one byte at a time",
     [] {
       for (const char c : raw(1000, 33, 1, 900, std::string(900, ' '))) {
         put(std::string(1, c));
         ::usleep(20'000);
       }
     }},
    // types
    {"a kind of zero", [] { put(raw(14, 0, 1, 2, "{}")); }},
    {"a kind with upper bytes", [] { put(raw(14, 0x2100 | 33, 1, 2, "{}")); }},
    {"meta that is not JSON", [] { put(raw(14, 33, 1, 2, "}{")); }},
    {"meta that is not an object", [] { put(raw(14, 33, 1, 2, "[]")); }},
    {"meta nested a million deep", [] { put(raw(12 + (1U << 20U), 33, 1, 1U << 20U, std::string(1U << 20U, '['))); }},
    {"meta with NUL bytes and bad UTF-8", [] { put(raw(20, 33, 1, 8, std::string("{\"\0\xff\xfe\"}", 8))); }},
    {"members of other types", [] { put(raw(12 + 28, 33, 1, 28, R"({"function":1,"functions":2})")); }},
    {"numbers beyond 64 bits",
     [] {
       const std::string meta =
           R"({"phase":"call","type":"X","message":"","traceback":"","line":1e999,"duration_us":99999999999999999999})";
       put(raw(12 + static_cast<std::uint32_t>(meta.size()), 35, 1, static_cast<std::uint32_t>(meta.size()), meta));
     }},
    // order
    {"a result before its module", [] { say(schema::Kind::result, 2, good_result()); }},
    {"its module twice",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::loaded, 1, good_loaded());
     }},
    {"a note of nobody's call", [] { say(schema::Kind::note, 77, schema::Note{"progress", 0.5, {}, {}, {}}); }},
    {"notes that say nothing",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::note, 2, schema::Note{"gossip", {}, "x", "info", schema::json::value(schema::json::object())});
     }},
    {"progress beyond its end",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::note, 2, schema::Note{"progress", 1e300, {}, {}, {}});
     }},
    {"something to show that is no text",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       schema::json::object data;
       data["image/png"] = 3;
       say(schema::Kind::note, 2, schema::Note{"display", {}, {}, {}, schema::json::value(std::move(data))});
     }},
    {"a change of the state that is none",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       schema::json::object data;
       data["set"] = 3;
       say(schema::Kind::note, 2, schema::Note{"state", {}, {}, {}, schema::json::value(std::move(data))});
     }},
    {"notes without end",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       for (;;)
         say(schema::Kind::note, 2,
             schema::Note{"log", {}, std::string(2000, 'x'), "info", schema::json::value(schema::json::object())});
     }},
    {"hello again", [] { say(schema::Kind::hello, 0, schema::Hello{}); }},
    {"an answer under another id", [] { say(schema::Kind::loaded, 77, good_loaded()); }},
    {"a chunk that nobody asked for",
     [] {
       say(schema::Kind::chunk, 1, schema::Chunk{true, std::nullopt, std::nullopt});
     }},
    {"skipping without a reason",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::skipped, 2, schema::Skipped{1});
     }},
    {"a zygote's frame", [] { say(schema::Kind::exited, 1, schema::Exited{}); }},
    // contents
    {"a function that is not in its list",
     [] {
       auto loaded = good_loaded();
       loaded.function = "g";
       say(schema::Kind::loaded, 1, loaded);
     }},
    {"twenty thousand functions",
     [] {
       auto loaded = good_loaded();
       loaded.functions.resize(20'000, loaded.functions.front());
       say(schema::Kind::loaded, 1, loaded);
     }},
    {"a function of a hundred thousand parameters",
     [] {
       auto loaded = good_loaded();
       loaded.functions.front().parameters.resize(100'000, {"x", "either", false, ""});
       say(schema::Kind::loaded, 1, loaded);
     }},
    {"a preview larger than asked for",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.preview = '"' + std::string(15U << 20U, 'x') + '"';
       say(schema::Kind::result, 2, result);
     }},
    {"a preview of the wrong shape",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.preview = "1 2 3";
       say(schema::Kind::result, 2, result);
     }},
    {"a preview of millions of elements",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.preview = "[" + std::string(4U << 20U, '[') + std::string(4U << 20U, ']') + "]";
       say(schema::Kind::result, 2, result);
     }},
    {"a message of fifteen megabytes",
     [] {
       schema::Raised raised;
       raised.type = std::string(7U << 20U, 'T');
       raised.message = std::string(7U << 20U, 'M') + std::string(1U << 18U, '\x1b');
       say(schema::Kind::raised, 1, raised);
     }},
    {"impossible resource usage",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.used = {INT64_MAX, INT64_MIN, INT64_MAX, -1, INT64_MAX, INT64_MAX};
       say(schema::Kind::result, 2, result);
     }},
    // files
    {"sixty thousand files",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.files.resize(60'000, {"x", ".txt", 1});
       say(schema::Kind::result, 2, result);
     }},
    {"a file without an end",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.files.push_back({"x", "/../../etc/passwd", 1});
       say(schema::Kind::result, 2, result);
       for (;;) say(schema::Kind::chunk, 0x40000000U, schema::Chunk{}, std::string(200'000, 'x'));
     }},
    {"a file of empty pieces",
     [] {
       say(schema::Kind::loaded, 1, good_loaded());
       auto result = good_result();
       result.files.push_back({"x", ".txt", 1});
       say(schema::Kind::result, 2, result);
       for (;;) say(schema::Kind::chunk, 0x40000000U, schema::Chunk{});
     }},
    // floods
    {"frames without end",
     [] {
       for (;;) say(schema::Kind::skipped, 9, schema::Skipped{});
     }},
    {"large frames without end",
     [] {
       const std::string text(15U << 20U, 'x');
       for (;;) say(schema::Kind::chunk, 9, schema::Chunk{}, text);
     }},
    {"output marks without end",
     [] {
       for (std::uint32_t id = 0; id < 100'000; ++id) {
         const std::string mark = schema::output_mark(g_nonce, id);
         if (!sandbox::write_all(1, mark)) break;
       }
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::result, 2, good_result());
     }},
    {"denials without end",
     [] {
       std::string report =
           schema::output_mark(g_nonce, 0).substr(0, 20) + "!00000029:0000000000000000:0000000000000000\n";
       for (int i = 0; i < 100'000; ++i) {
         report[33] = "0123456789abcdef"[i % 16];
         report[34] = "0123456789abcdef"[i / 16 % 16];
         report[35] = "0123456789abcdef"[i / 256 % 16];
         if (!sandbox::write_all(2, report)) break;
       }
       say(schema::Kind::loaded, 1, good_loaded());
       say(schema::Kind::result, 2, good_result());
     }},
    // descriptors
    {"descriptors that nobody asked for",
     [] {
       const int fds[] = {0, 1, 2};
       std::string frame;
       schema::pack(schema::Kind::loaded, 1, good_loaded(), frame);
       sandbox::send_with_fds(kSocket, frame, fds);
       for (int i = 0; i < 200; ++i) sandbox::send_with_fds(kSocket, raw(14, 36, 9, 2, "{}"), fds);
     }},
    {"a file as memory that shrinks",
     [] {
       const int fd = ::open("/dev/shm/shrinks", O_CREAT | O_RDWR, 0600);
       if (::ftruncate(fd, 1 << 20) < 0) ::_exit(1);
       const int fds[] = {fd};
       std::string frame;
       schema::pack(schema::Kind::loaded, 1, good_loaded(), frame);
       sandbox::send_with_fds(kSocket, frame, fds);
       if (::ftruncate(fd, 0) < 0) ::_exit(1);
       say(schema::Kind::result, 2, good_result());
     }},
    // silence
    {"never answering", [] { forever(); }},
    {"never reading, never answering",
     [] {
       ::shutdown(kSocket, SHUT_RD);
       forever();
     }},
    {"closing at once", [] { ::_exit(0); }},
    {"stopping itself",
     [] {
       ::kill(0, SIGSTOP);
       forever();
     }},
};

[[noreturn]] void work(const sandbox::Policy& policy) {
  say(schema::Kind::hello, 0, schema::Hello{schema::kProtocolVersion, sandbox::expected_checks(policy)});
  schema::Decoder decoder;
  static char bytes[65536];
  for (;;) {
    while (auto frame = decoder.next()) {
      std::string error;
      const auto load = schema::unpack<schema::Load>(*frame, error);
      if (frame->kind != schema::Kind::load || !load) continue;
      g_nonce = load->mark;
      if (const auto act = kActs.find(frame->payload); act != kActs.end()) act->second();
    }
    const ssize_t got = ::read(kSocket, bytes, sizeof bytes);
    if (got <= 0) ::_exit(0);
    decoder.feed({bytes, static_cast<std::size_t>(got)});
  }
}

void become_worker(const std::string& act, const sandbox::InnerSandbox& inner, const sandbox::Policy& policy,
                   const std::vector<sandbox::UniqueFd>& fds) {
  if (act == "no-walls") {
    // Keeps everything the zygote has and claims to be a worker behind every wall.
    ::dup2(fds[0].get(), kSocket);
    work(policy);
  }
  if (inner.enter({fds[0].get(), fds[1].get(), fds[2].get()}).step != nullptr) ::_exit(1);
  if (act == "hello-without-checks") {
    say(schema::Kind::hello, 0, schema::Hello{schema::kProtocolVersion, 0});
    forever();
  }
  if (act == "hello-garbage") put(std::string(5000, '\xff'));
  if (act == "hello-of-another-protocol") say(schema::Kind::hello, 0, schema::Hello{99, ~0U});
  if (act == "hello-with-descriptors") {
    std::string frame;
    schema::pack(schema::Kind::hello, 0, schema::Hello{schema::kProtocolVersion, sandbox::expected_checks(policy)},
                 frame);
    const int own[] = {0, 1, 2};
    sandbox::send_with_fds(kSocket, frame, own);
    forever();
  }
  work(policy);
}

int run_zygote(const std::string& act, const sandbox::Policy& policy) {
  if (act == "ready-garbage") put(std::string(100'000, '\xee'));
  if (act == "ready-of-another-protocol") say(schema::Kind::ready, 0, schema::Ready{99, "3.9.0", {}, {}, {}});
  if (act == "refuses-at-length") say(schema::Kind::refused, 0, schema::Refused{"x", 1, std::string(900'000, '\x1b')});
  if (act == "large-frame") put(raw(15U << 20U, 8, 0, 2, std::string(1 << 20, 'x')));
  if (act == "ends-at-once") return 0;
  const sandbox::InnerSandbox inner(policy);
  schema::Ready ready{schema::kProtocolVersion, "3.9.0", {}, {}, {}};
  if (act == "ready-with-many-modules") ready.present.resize(50'000, "module");
  say(schema::Kind::ready, 0, ready);
  if (act == "ready-twice") say(schema::Kind::ready, 0, ready);
  if (act == "worker-frames")
    for (int i = 0; i < 1000; ++i) say(schema::Kind::result, 2, good_result());
  if (act == "strangers")
    for (std::uint32_t i = 1000; i < 100'000; ++i) say(schema::Kind::exited, i, schema::Exited{});
  schema::Decoder decoder;
  for (;;) {
    sandbox::Received got = sandbox::receive_with_fds(kSocket, 16384, 4);
    if (got.bytes.empty()) return 0;
    decoder.feed(got.bytes);
    while (auto frame = decoder.next()) {
      if (act == "refuses-workers") {
        say(schema::Kind::refused, frame->id, schema::Refused{"clone3", 1, "no"});
        continue;
      }
      if (act == "keeps-descriptors") continue;  // closed at the end of the loop; no worker is ever forked
      const pid_t pid = inner.fork_worker();
      if (pid == 0) become_worker(act, inner, policy, got.fds);
      if (act == "says-they-ended") say(schema::Kind::exited, frame->id, schema::Exited{0, 0, 0, 0, 0, 0, 0});
    }
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace

int main(int, char** argv) {
  std::string act = argv[0];
  act = act.substr(0, act.rfind('/'));
  act = act.substr(act.rfind('/') + 1);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    schema::Decoder decoder;
    std::optional<schema::Frame> frame;
    char bytes[8192];
    while (!(frame = decoder.next())) {
      const ssize_t got = ::read(kSocket, bytes, sizeof bytes);
      if (got <= 0) return 1;
      decoder.feed({bytes, static_cast<std::size_t>(got)});
    }
    std::string error;
    const auto configure = schema::unpack<schema::Configure>(*frame, error);
    if (!configure) return 1;
    sandbox::Policy policy = sandbox::policy_from_text(configure->policy);
    policy.mounts.push_back({"/usr/lib", false});
    sandbox::enter_outer(policy, kSocket);
    return run_zygote(act, policy);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hostile pyhost: %s\n", error.what());
    return 1;
  }
}
