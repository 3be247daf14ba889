// pyhost-X.Y: started by the daemon with one socket (descriptor 3) and an environment built from nothing. It reads the
// policy, confines itself, and only then starts CPython (sandbox/README.md, "Outer walls"). By
// hand: --version, and --mounts, which prints the mounts it adds to every policy.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cerrno>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "pyhost/process/interpreter.hpp"
#include "pyhost/process/zygote_loop.hpp"
#include "sandbox/inner.hpp"
#include "sandbox/outer.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace {

using namespace qflow;

constexpr int kSocket = sandbox::kControlFd;

schema::Configure read_configure() {
  schema::Decoder decoder;
  for (;;) {
    if (auto frame = decoder.next()) {
      std::string error;
      auto configure = schema::unpack<schema::Configure>(*frame, error);
      if (frame->kind != schema::Kind::configure || !configure)
        throw std::runtime_error("expected a configure frame: " + error);
      if (configure->protocol != schema::kProtocolVersion)
        throw std::runtime_error("protocol " + std::to_string(configure->protocol) + " is not " +
                                 std::to_string(schema::kProtocolVersion) +
                                 ": qflow and pyhost are from different releases");
      return *configure;
    }
    if (!decoder.error().empty()) throw std::runtime_error(decoder.error());
    char bytes[4096];
    const ssize_t got = sandbox::retry([&] { return ::read(kSocket, bytes, sizeof bytes); });
    if (got <= 0) throw std::runtime_error("no configuration on descriptor 3; pyhost is started by qflow, not by hand");
    decoder.feed({bytes, static_cast<std::size_t>(got)});
  }
}

void refuse(const std::string& step, int error, const std::string& message) {
  std::string out;
  schema::pack(schema::Kind::refused, 0, schema::Refused{step, error, message}, out);
  const bool gone = error == ECONNRESET || error == EPIPE;  // the daemon has ended in the meantime
  if (!sandbox::write_all(kSocket, out) && !gone)
    std::fprintf(stderr, "pyhost: %s: %s\n", step.c_str(), message.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("pyhost %s for Python %s\n", QFLOW_VERSION, pyhost::python_version().c_str());
    return 0;
  }
  if (argc > 1 && std::strcmp(argv[1], "--mounts") == 0) {
    for (const sandbox::Mount& mount : pyhost::interpreter_mounts())
      std::printf("%s %s\n", mount.optional ? "mount?" : "mount", mount.path.c_str());
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const schema::Configure configure = read_configure();
    sandbox::Policy policy = sandbox::policy_from_text(configure.policy);
    for (sandbox::Mount& mount : pyhost::interpreter_mounts()) policy.mounts.push_back(std::move(mount));
    for (sandbox::Mount& mount : sandbox::granted_mounts(policy)) policy.mounts.push_back(std::move(mount));
    sandbox::enter_outer(policy, kSocket);
    pyhost::start_interpreter();
    if (configure.venv) pyhost::use_venv(*configure.venv);
    return pyhost::run_zygote(policy, configure.modules, kSocket);
  } catch (const sandbox::SysError& error) {
    refuse("outer sandbox", error.code().value(), error.what());
  } catch (const std::exception& error) {
    refuse("start", 0, error.what());
  }
  return 1;
}
