#include "daemon/flow/sandbox_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "daemon/base/fault.hpp"

namespace qflow::flow {
namespace {

constexpr std::array<const char*, 7> kFields{"network", "memory", "cpu", "time", "tmp", "processes", "programs"};
constexpr std::uint64_t kLeastTmp = 64U << 10U;
constexpr double kLeastCpu = 0.01;

// "256 MiB", "256M", "1 GiB", "4096".
std::optional<std::uint64_t> size_of(std::string_view written) {
  double number = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(written.data() + written.size() - end));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {{"", 0},     {"B", 0},   {"K", 10},  {"KB", 10},
                                                                     {"KiB", 10}, {"M", 20},  {"MB", 20}, {"MiB", 20},
                                                                     {"G", 30},   {"GB", 30}, {"GiB", 30}};
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    const double bytes = std::ldexp(number, static_cast<int>(shift));
    if (bytes < 1e18) return static_cast<std::uint64_t>(bytes);
  }
  return std::nullopt;
}

void read_network(const Members& from, SandboxRequest& request) {
  const auto asked = from.text("network");
  if (!asked) return;
  if (*asked == "none") request.network = sandbox::Network::none;
  else if (*asked == "host") request.network = sandbox::Network::host;
  else from.problems().add(from.at("network"), "expected \"none\" or \"host\"");
}

template <class T>
void take_bounded(T& limit, const std::optional<T>& asked, const Node& node, const char* field, auto describe) {
  if (!asked) return;
  if (*asked > limit)
    throw Fault(FaultKind::bad_input, "limit_exceeded",
                fmt::format("node \"{}\": sandbox.{} {} is above this installation's limit of {}", node.name, field,
                            describe(*asked), describe(limit)),
                {{"node", node.name}, {"node_id", node.id}, {"field", fmt::format("sandbox.{}", field)}});
  limit = *asked;
}

[[noreturn]] void not_granted(const Node& node, const char* field, const char* what, const char* flag) {
  throw Fault(FaultKind::bad_input, "not_granted",
              fmt::format("node \"{}\": sandbox.{}: this installation does not grant {}; its admin can, with {}",
                          node.name, field, what, flag),
              {{"node", node.name}, {"node_id", node.id}, {"field", fmt::format("sandbox.{}", field)}});
}

template <class T>
std::optional<T> either(const std::optional<T>& own, const std::optional<T>& workflow) {
  return own ? own : workflow;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes % (1U << 20U) == 0) return fmt::format("{} MiB", bytes >> 20U);
  if (bytes % 1024 == 0) return fmt::format("{} KiB", bytes >> 10U);
  return fmt::format("{} bytes", bytes);
}

std::optional<std::uint64_t> read_size(const Members& from, const char* name, std::uint64_t least) {
  const json::value* value = from.find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint64_t> bytes;
  if (const auto* written = value->if_string()) {
    bytes = size_of({written->data(), written->size()});
  } else if (value->is_number()) {
    const auto number = value->to_number<double>();
    if (number >= 0 && number < 1e18) bytes = static_cast<std::uint64_t>(number);
  }
  if (bytes && *bytes >= least) return bytes;
  from.problems().add(from.at(name),
                      fmt::format("expected bytes, or text such as \"256 MiB\"; at least {}", size_text(least)));
  return std::nullopt;
}

void read_sandbox(const Members& from, SandboxRequest& request) {
  const json::object* object = from.object("sandbox");
  if (object == nullptr) return;
  const Members own(*object, from.at("sandbox"), from.problems());
  for (const auto& [key, value] : *object)
    if (std::find(kFields.begin(), kFields.end(), std::string_view(key)) == kFields.end())
      from.problems().add(own.at(key), fmt::format("unknown; a sandbox has {}", fmt::join(kFields, ", ")));
  read_network(own, request);
  if (auto v = read_size(own, "memory", kLeastMemory)) request.memory = v;
  if (auto v = read_size(own, "tmp", kLeastTmp)) request.tmp = v;
  if (auto v = own.positive("time")) request.time = v;
  if (auto v = own.positive("cpu")) {
    if (*v >= kLeastCpu) request.cpu = v;
    else from.problems().add(own.at("cpu"), fmt::format("expected a number of processors, at least {}", kLeastCpu));
  }
  if (auto v = own.positive("processes")) {
    if (*v >= 1 && *v < 1e6 && *v == std::floor(*v)) request.processes = static_cast<std::uint32_t>(*v);
    else from.problems().add(own.at("processes"), "expected a whole number, at least 1");
  }
  if (const json::value* v = own.find("programs")) {
    if (const auto* b = v->if_bool()) request.programs = *b;
    else from.problems().add(own.at("programs"), "expected true or false");
  }
}

Granted settle_sandbox(const Node& node, const SandboxRequest& workflow, const workers::Settings& settings) {
  const SandboxRequest& own = node.sandbox;
  Granted out{{settings.limits, sandbox::Network::none, false}, settings.node_seconds};
  sandbox::Limits& limits = out.sandbox.limits;
  const auto plain = [](auto value) { return value; };
  take_bounded(limits.memory, either(own.memory, workflow.memory), node, "memory", size_text);
  take_bounded(limits.tmp, either(own.tmp, workflow.tmp), node, "tmp", size_text);
  take_bounded(limits.processes, either(own.processes, workflow.processes), node, "processes", plain);
  std::optional<std::uint32_t> millis;
  if (const auto cpu = either(own.cpu, workflow.cpu))
    millis = static_cast<std::uint32_t>(std::lround(std::min(*cpu, 1e6) * 1000));
  take_bounded(limits.cpu_millis, millis, node, "cpu", [](std::uint32_t m) { return m / 1000.0; });
  double longest = settings.max_node_seconds;
  const auto time = either(own.time, workflow.time);
  take_bounded(longest, time, node, "time", [](double s) { return fmt::format("{} s", s); });
  if (time) out.seconds = *time;
  if (either(own.network, workflow.network) == sandbox::Network::host) {
    if (!settings.allow_network) not_granted(node, "network", "the host's network", "--allow-network");
    out.sandbox.network = sandbox::Network::host;
  }
  if (either(own.programs, workflow.programs).value_or(false)) {
    if (!settings.allow_programs) not_granted(node, "programs", "starting programs", "--allow-programs");
    out.sandbox.programs = true;
  }
  return out;
}

}  // namespace qflow::flow
