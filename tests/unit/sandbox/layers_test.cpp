// Each layer has a question that only it answers. With every layer on, every answer is "held". With one layer off, its
// answer changes, so the test notices; the other answers stay, so those layers hold without it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>

#include "tests/unit/sandbox/walls.hpp"

using namespace qflow::test;

namespace {

constexpr std::uint32_t bit(Layer layer) { return static_cast<std::uint32_t>(layer); }

struct Named {
  Layer layer;
  const char* name;
};
constexpr Named kLayers[] = {{Layer::user_namespace, "user namespace"},
                             {Layer::mount_namespace, "mount namespace"},
                             {Layer::pid_namespace, "PID namespace"},
                             {Layer::network_namespace, "network namespace"},
                             {Layer::ipc_namespace, "IPC namespace"},
                             {Layer::uts_namespace, "UTS namespace"},
                             {Layer::cgroup_namespace, "cgroup namespace"},
                             {Layer::limits, "limits"},
                             {Layer::capabilities, "capabilities"},
                             {Layer::no_new_privs, "no_new_privs"},
                             {Layer::landlock, "Landlock"},
                             {Layer::seccomp, "seccomp"}};

std::string own_namespace(const char* kind) {
  std::array<char, 64> target{};
  const std::string path = std::string("/proc/self/ns/") + kind;
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size() - 1);
  return length > 0 ? std::string(target.data()) : std::string();
}

/// The layers that held in a worker with `layers`, as bits; or the step that stopped its set-up.
std::string ask(std::uint32_t layers) {
  Policy policy = test_policy();
  policy.layers = layers;
  return in_worker(policy, [] {
    std::uint32_t held = 0;
    const auto note = [&](Layer layer, bool ok) { held |= ok ? bit(layer) : 0; };
    note(Layer::mount_namespace, ::access("/etc/hostname", F_OK) != 0 && ::access("/proc", F_OK) != 0);
    note(Layer::pid_namespace, ::getpid() == 1);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    note(Layer::limits, files.rlim_max == Limits{}.open_files);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    ::syscall(SYS_capget, &header, sets);
    note(Layer::capabilities, (sets[0].effective | sets[0].permitted) == 0);
    note(Layer::no_new_privs, ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    // No rule covers the root directory, though its mode lets anybody list it.
    note(Layer::landlock, ::open("/", O_RDONLY | O_DIRECTORY) < 0);
    note(Layer::seccomp, ::socket(AF_UNIX, SOCK_STREAM, 0) < 0);
    say(std::to_string(held));
  });
}

/// As ask(), for the namespaces that only /proc shows. The mount namespace and Landlock, which hide it, are off here.
std::string ask_namespaces(std::uint32_t layers) {
  Policy policy = test_policy();
  policy.layers = layers & ~(bit(Layer::mount_namespace) | bit(Layer::landlock));
  constexpr std::pair<Layer, const char*> kKinds[] = {{Layer::user_namespace, "user"},
                                                      {Layer::network_namespace, "net"},
                                                      {Layer::ipc_namespace, "ipc"},
                                                      {Layer::uts_namespace, "uts"},
                                                      {Layer::cgroup_namespace, "cgroup"}};
  std::vector<std::string> host;
  for (const auto& [layer, kind] : kKinds) host.push_back(own_namespace(kind));
  return in_worker(policy, [&] {
    std::uint32_t held = 0;
    for (std::size_t i = 0; i < std::size(kKinds); ++i)
      if (const std::string own = own_namespace(kKinds[i].second); !own.empty() && own != host[i])
        held |= bit(kKinds[i].first);
    say(std::to_string(held));
  });
}

constexpr std::uint32_t kTold = bit(Layer::user_namespace) | bit(Layer::network_namespace) | bit(Layer::ipc_namespace) |
                                bit(Layer::uts_namespace) | bit(Layer::cgroup_namespace);
constexpr std::uint32_t kAsked = kAllLayers & ~kTold;

std::string bits(std::uint32_t value) { return std::to_string(value) + ";"; }

}  // namespace

TEST_SUITE_BEGIN("layers" * doctest::skip(qflow::test::kHasThread));

TEST_CASE("with every layer on, every layer holds") {
  CHECK(ask(kAllLayers) == bits(kAsked));
  CHECK(ask_namespaces(kAllLayers) == bits(kTold));
}

TEST_CASE("a missing layer is noticed, and the others hold without it") {
  for (const Named& one : kLayers) {
    CAPTURE(std::string(one.name));
    // Other layers need these two: without them the set-up stops, which shows their absence.
    if (one.layer == Layer::user_namespace || one.layer == Layer::no_new_privs) continue;
    const std::uint32_t left = kAllLayers & ~bit(one.layer);
    CHECK(ask(left) == bits(kAsked & left));
    CHECK(ask_namespaces(left) == bits(kTold & left));
  }
}

TEST_CASE("without the user namespace nothing that needs it can be set up, and nothing runs") {
  const std::string answer = ask(kAllLayers & ~bit(Layer::user_namespace));
  CHECK_MESSAGE(answer.find("unshare") != std::string::npos, answer);
  // The layers of isolation level 1 go up without it, and hold.
  CHECK(ask_namespaces(kWithoutNamespaces) == bits(0));
  CHECK(ask(kWithoutNamespaces & ~bit(Layer::capabilities)) ==
        bits(bit(Layer::limits) | bit(Layer::capabilities) | bit(Layer::no_new_privs) | bit(Layer::landlock) |
             bit(Layer::seccomp)));
}

TEST_CASE("without no_new_privs neither Landlock nor the filter can be put up, and nothing runs") {
  CHECK(ask(kAllLayers & ~bit(Layer::no_new_privs)) == "step landlock");
  CHECK(ask(kAllLayers & ~bit(Layer::no_new_privs) & ~bit(Layer::landlock)) == "step seccomp(SET_MODE_FILTER)");
  const std::uint32_t left = kAllLayers & ~(bit(Layer::no_new_privs) | bit(Layer::landlock) | bit(Layer::seccomp));
  CHECK(ask(left) == bits(kAsked & left));
}

TEST_SUITE_END();
