#include "daemon/flow/error_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "daemon/base/near_name.hpp"

namespace qflow::flow {
namespace {

constexpr double kMostTries = 100;
constexpr double kMostWait = 86'400'000;  // a day

bool is_exception_name(const std::string& name) {
  return !name.empty() && name.size() <= 200 &&
         (std::isalpha(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_') &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

}  // namespace

void read_error_settings(const Members& from, Node& node) {
  const bool retries = from.flag("retryOnFail").value_or(node.tries.most > 1);
  const auto most = from.number("maxTries", 1, kMostTries);
  if (retries && node.tries.most == 1) node.tries.most = 3;
  if (retries && most) node.tries.most = static_cast<unsigned>(*most);
  if (!retries) node.tries.most = 1;
  if (const auto wait = from.number("waitBetweenTries", 0, kMostWait)) node.tries.wait_ms = *wait;
  if (const auto factor = from.number("backoff", 1, 100)) node.tries.backoff = *factor;
  if (const auto jitter = from.number("jitter", 0, 1)) node.tries.jitter = *jitter;
  if (const auto names = from.texts("retryOn")) {
    if (names->empty())
      from.problems().add(from.at("retryOn"), "expected the names of exceptions, such as TimeoutError");
    for (std::size_t i = 0; i < names->size(); ++i)
      if (!is_exception_name((*names)[i]))
        from.problems().add(fmt::format("{}/{}", from.at("retryOn"), i),
                            "expected the name of an exception, such as TimeoutError");
    node.tries.only = *names;
  }
  if (from.flag("continueOnFail").value_or(false)) node.on_error = OnError::regular;
  const auto word = from.text("onError");
  if (!word) return;
  const std::vector<std::string> words{"stopWorkflow", "continueRegularOutput", "continueErrorOutput"};
  const auto found = std::find(words.begin(), words.end(), *word);
  if (found == words.end())
    from.problems().add(from.at("onError"),
                        fmt::format("expected {}{}", fmt::join(words, ", "), did_you_mean(*word, words)));
  else node.on_error = static_cast<OnError>(found - words.begin());
}

}  // namespace qflow::flow
