#include "daemon/services/checking.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace qflow::services {

using check::Finding;

Task<check::CatalogPtr> catalog_of(Services& services, std::optional<std::string> owner) {
  auto job = [&services, owner = std::move(owner), settings = services.settings.get()]() mutable {
    return services.catalogs.load(std::move(owner), std::move(settings));
  };
  check::CatalogPtr catalog = co_await on_engine(services, std::move(job));
  co_return catalog;
}

namespace {

Task<check::WorkflowCheck> check_now(Services& services, json::object document, std::optional<std::string> owner,
                                     bool known_only = false) {
  auto settings = services.settings.get();
  check::CheckScope options;
  options.who = owner.value_or("");
  options.known_only = known_only;
  auto loading = services.catalogs.load(std::move(owner), settings);
  check::CatalogPtr catalog = co_await std::move(loading);
  auto checking = check::check_workflow(services.describer, document, std::move(settings), std::move(catalog), options);
  check::WorkflowCheck done = co_await std::move(checking);
  co_return done;
}

// Shared by the work and the coroutine that waits for it; the work may outlast the wait. Engine strand.
template <class T>
struct Awaited {
  explicit Awaited(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  std::optional<T> result;
};

// Runs `work` on the engine strand, where this coroutine runs too, and waits for at most `patience`.
template <class T>
Task<std::optional<T>> wait_within(asio::any_io_executor executor, Task<T> work, Clock::duration patience) {
  const auto state = std::make_shared<Awaited<T>>(executor);
  state->timer.expires_after(patience);
  auto told = [state](std::exception_ptr error, T result) {
    if (!error) state->result = std::move(result);
    state->timer.cancel();
  };
  asio::co_spawn(executor, std::move(work), std::move(told));
  boost::system::error_code ignored;
  if (!state->result) co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return std::move(state->result);
}

Task<std::vector<check::DescriptionPtr>> describe_or_known(Services& services, std::vector<check::NodeSource> sources,
                                                           Clock::duration patience) {
  auto known = co_await services.describer.known(sources);
  if (std::all_of(known.begin(), known.end(), [](const auto& one) { return one != nullptr; })) co_return known;
  auto work = services.describer.describe(sources);
  auto all = co_await wait_within(services.engine_executor, std::move(work), patience);
  if (all) co_return std::move(*all);
  known = co_await services.describer.known(sources);
  co_return known;
}

// The nodes that nothing is known of yet.
Finding unknown_nodes(const check::WorkflowCheck& done) {
  constexpr std::size_t kMostNamed = 5;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < done.descriptions.size(); ++i)
    if (!done.descriptions[i]) names.push_back("\"" + done.plan->steps[i].node.name + "\"");
  const std::size_t all = names.size();
  if (all > kMostNamed) names.resize(kMostNamed);
  Finding out;
  out.severity = Finding::Severity::warning;
  out.code = "check_incomplete";
  out.message = fmt::format(
      "the code of {} of {} nodes takes longer to be looked at and was not checked yet: {}{}; it goes on, so ask again "
      "shortly",
      all, done.descriptions.size(), fmt::join(names, ", "), all > names.size() ? ", …" : "");
  return out;
}

Task<std::vector<Finding>> check_or_known(Services& services, json::object document, std::optional<std::string> owner,
                                          Clock::duration patience) {
  auto whole = check_now(services, document, owner);
  auto done = co_await wait_within(services.engine_executor, std::move(whole), patience);
  if (done) co_return std::move(done->findings);
  auto known = check_now(services, std::move(document), std::move(owner), true);
  check::WorkflowCheck part = co_await std::move(known);
  const bool all =
      std::all_of(part.descriptions.begin(), part.descriptions.end(), [](const auto& d) { return d != nullptr; });
  if (!all) part.findings.push_back(unknown_nodes(part));
  co_return std::move(part.findings);
}

}  // namespace

Task<std::vector<Finding>> check_within(Services& services, json::object document, std::optional<std::string> owner,
                                        Clock::duration patience) {
  auto job = [&services, document = std::move(document), owner = std::move(owner), patience]() mutable {
    return check_or_known(services, std::move(document), std::move(owner), patience);
  };
  auto findings = co_await on_engine(services, std::move(job));
  co_return findings;
}

Task<std::vector<check::DescriptionPtr>> describe_within(Services& services, std::vector<check::NodeSource> sources,
                                                         Clock::duration patience) {
  auto job = [&services, sources = std::move(sources), patience]() mutable {
    return describe_or_known(services, std::move(sources), patience);
  };
  auto descriptions = co_await on_engine(services, std::move(job));
  co_return descriptions;
}

void refuse_wrong_types(const std::vector<Finding>& findings) {
  const Finding* first = nullptr;
  json::array all;
  for (const Finding& finding : findings) {
    all.push_back(check::to_json(finding));
    if (first == nullptr && finding.severity == Finding::Severity::error) first = &finding;
  }
  if (first == nullptr) return;
  json::object details = first->details;
  details["node"] = first->node;
  details["node_id"] = first->node_id;
  details["pointer"] = first->pointer;
  details["findings"] = std::move(all);
  throw Fault(FaultKind::unprocessable, first->code, first->message, std::move(details));
}

}  // namespace qflow::services
