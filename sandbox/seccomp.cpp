#include "sandbox/seccomp.hpp"

#include <fmt/format.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "sandbox/sys.hpp"
#include "sandbox/syscalls.hpp"

namespace qflow::sandbox {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// libseccomp returns -errno and leaves errno alone.
void added(int result, std::string_view what) {
  if (result < 0)
    throw std::runtime_error(fmt::format("seccomp rule for {}: {}", what, std::generic_category().message(-result)));
}

// A denied call traps into the handler of denied.cpp, which names it. Not where programs may run: a new program has no
// handler, and the trap would end it instead of returning an error.
bool traps(const Policy& policy) { return !policy.programs; }

std::uint32_t answer(Action action, const Policy& policy, std::string_view name) {
  switch (action) {
    case Action::allow:
      return SCMP_ACT_ALLOW;
    case Action::absent:
      return SCMP_ACT_ERRNO(ENOSYS);
    case Action::deny:
      if (traps(policy)) return SCMP_ACT_TRAP;
      return name == "socket" ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_ERRNO(EPERM);
    case Action::refuse:
      break;
  }
  return SCMP_ACT_ERRNO(EPERM);
}

bool is_set_up(std::string_view name) {
  const auto& calls = set_up_calls();
  return std::find(calls.begin(), calls.end(), name) != calls.end();
}

// True for the calls that this host's libseccomp knows; newer calls stay refused.
bool resolve(const char* name, int& number) {
  number = seccomp_syscall_resolve_name(name);
  return number != __NR_SCMP_ERROR && number >= 0;
}

sock_filter statement(std::uint16_t code, std::uint32_t value) { return {code, 0, 0, value}; }
sock_filter jump(std::uint16_t code, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return {code, yes, no, value};
}
constexpr std::uint32_t low_half(unsigned argument) {  // little-endian
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
}

// The code that decides one call, entered once the number is known: each rule compares what it must and returns, or
// falls through to the next rule; the last instruction refuses the call.
std::vector<sock_filter> decide(const std::vector<const SyscallRule*>& rules, const Policy& policy) {
  std::vector<sock_filter> code;
  for (const SyscallRule* rule : rules) {
    std::vector<sock_filter> test;
    for (const Condition& condition : rule->conditions)
      for (const unsigned half : {0U, 1U}) {
        const auto mask = static_cast<std::uint32_t>(condition.mask >> (32 * half));
        if (mask == 0) continue;
        test.push_back(statement(BPF_LD | BPF_W | BPF_ABS, low_half(condition.argument) + 4 * half));
        test.push_back(statement(BPF_ALU | BPF_AND | BPF_K, mask));
        test.push_back(
            jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(condition.value >> (32 * half)), 0, 0));
      }
    test.push_back(statement(BPF_RET | BPF_K, answer(rule->action, policy, rule->name)));
    // A comparison that fails jumps past this rule's return.
    for (std::size_t i = 0; i < test.size(); ++i)
      if (BPF_CLASS(test[i].code) == BPF_JMP) test[i].jf = static_cast<std::uint8_t>(test.size() - i - 1);
    code.insert(code.end(), test.begin(), test.end());
  }
  code.push_back(statement(BPF_RET | BPF_K, SCMP_ACT_ERRNO(EPERM)));
  return code;
}

}  // namespace

std::vector<sock_filter> compile_zygote_filter(const Policy& policy) {
  const Context context(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!context) throw std::runtime_error("seccomp_init failed");
  added(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "other architectures");
  // A binary tree: the kernel runs the filter once per call number when it is loaded; a list costs three times as much.
  added(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "the tree");
  int number = 0;
  for (const char* name : set_up_calls())
    if (resolve(name, number)) added(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0), name);
  for (const SyscallRule& rule : worker_rules(policy)) {
    const std::uint32_t action = answer(rule.action, policy, rule.name);
    if (is_set_up(rule.name) || !resolve(rule.name, number) || action == SCMP_ACT_ERRNO(EPERM)) continue;
    std::vector<scmp_arg_cmp> conditions;
    for (const Condition& c : rule.conditions) conditions.push_back({c.argument, SCMP_CMP_MASKED_EQ, c.mask, c.value});
    added(seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(conditions.size()),
                                 conditions.data()),
          rule.name);
  }
  const UniqueFd file(check(::memfd_create("filter", MFD_CLOEXEC), "memfd_create(filter)"));
  added(seccomp_export_bpf(context.get(), file.get()), "export");
  const off_t size = check(::lseek(file.get(), 0, SEEK_END), "lseek(filter)");
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  check(::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0), "pread(filter)");
  return program;
}

std::vector<sock_filter> compile_worker_filter(const Policy& policy) {
  const std::vector<SyscallRule> rules = worker_rules(policy);
  std::vector<sock_filter> program{statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const char* name : set_up_calls()) {
    int number = 0;
    if (!resolve(name, number)) continue;
    std::vector<const SyscallRule*> own;
    for (const SyscallRule& rule : rules)
      if (rule.name == std::string_view(name)) own.push_back(&rule);
    const std::vector<sock_filter> code = decide(own, policy);
    program.push_back(
        jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, static_cast<std::uint8_t>(code.size())));
    program.insert(program.end(), code.begin(), code.end());
  }
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return program;
}

int load_filter(const std::vector<sock_filter>& program) noexcept {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? errno : 0;
}

}  // namespace qflow::sandbox
