// Describing code and checking workflows for callers on the io threads: each function hops to the engine strand, where
// check/ lives, and has a limit of time.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/check/workflow_check.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The types and converters that `owner` may use; nothing: everybody's.
Task<check::CatalogPtr> catalog_of(Services& services, std::optional<std::string> owner);

/// Runs `job(describer)`, which makes an awaitable, on the engine strand and resumes here with its result.
template <class F>
auto on_describer(Services& services, F job) {
  auto work = [&services, job = std::move(job)]() mutable { return job(services.describer); };
  return on_engine(services, std::move(work));
}

/// The descriptions of all sources when they can be had within `patience`; otherwise those that are known, null for the
/// others. Work under way goes on, and its result is kept.
Task<std::vector<check::DescriptionPtr>> describe_within(Services& services, std::vector<check::NodeSource> sources,
                                                         Clock::duration patience);

/// How long a save waits for the types of code that is not described yet, and how long somebody who asks for a check:
/// nodes are executed to be looked at, ten seconds each at most.
inline constexpr Clock::duration kSavePatience = std::chrono::seconds(1), kCheckPatience = std::chrono::seconds(15);

/// The findings of a workflow's document, checked for `owner`. When that takes longer than `patience`, those that
/// follow from what is known by then, and `check_incomplete`; the rest goes on, and what it finds out is kept.
Task<std::vector<check::Finding>> check_within(Services& services, json::object document,
                                               std::optional<std::string> owner, Clock::duration patience);

/// Throws Fault(unprocessable) with the first error among the findings, and all findings in `details.findings`; returns
/// when there is no error.
void refuse_wrong_types(const std::vector<check::Finding>& findings);

}  // namespace qflow::services
