// The `call` of one step: which arguments, how much of its value is wanted. Any thread; runs no code.
#pragma once
#include "daemon/base/fault.hpp"
#include "daemon/flow/binding.hpp"
#include "schema/messages.hpp"

namespace qflow::engine {

/// What a value that leaves its worker may weigh: an output of the workflow, or one that passes to another sandbox.
inline constexpr std::uint32_t kOutputBytes = 8U << 20U;

/// Whether the step's value is an output of the execution.
bool is_wanted(const flow::Plan& plan, std::size_t step);
/// How many bytes of preview a step's value may have, so that an execution of many nodes stays bounded, too.
std::uint32_t preview_limit(const flow::Plan& plan, std::size_t step);
/// How many steps take no other step's value: those take the execution's input.
std::size_t entry_count(const flow::Plan& plan);

struct CallRequest {
  schema::Call call;
  boost::json::object origins;  ///< parameter → where its value comes from, for the record
  std::vector<std::string> warnings;
};
/// `sources`: those of the step's that carry a value. Throws Fault(bad_input) as flow::bind_step() does.
CallRequest call_request(const flow::Plan& plan, std::size_t step, const flow::SourceList& sources,
                         const schema::Function& function, const std::optional<boost::json::value>& input,
                         std::size_t entries);
/// Whether a step of another sandbox takes the value.
bool crosses(const flow::Plan& plan, std::size_t step);

}  // namespace qflow::engine
