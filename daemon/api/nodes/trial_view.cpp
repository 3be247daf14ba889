#include "daemon/api/nodes/trial_view.hpp"

#include "daemon/engine/outcome_json.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace json = boost::json;

json::object trial_view(const engine::Outcome& outcome) {
  const engine::StepRun& run = outcome.steps.front();
  json::object reply{{"success", outcome.status == engine::Status::completed},
                     {"output", nullptr},
                     {"execution_time", outcome.duration_ms - outcome.queue_ms},
                     {"error", nullptr}};
  if (run.result) {
    std::string error;
    reply["output"] = schema::parse_json(run.result->preview, error, 200);
    reply["type"] = run.result->type;
    reply["exact"] = run.result->exact;
    reply["truncated"] = run.result->truncated;
  }
  reply["outcome"] = engine::word(outcome.cause());
  reply["denied"] = engine::denied_json(run.denied);
  reply["resource_usage"] = engine::usage_json(run.usage);
  if (outcome.error) {
    reply["error"] = outcome.error->type + (outcome.error->message.empty() ? "" : ": " + outcome.error->message);
    reply["traceback"] = outcome.error->traceback;
    if (outcome.error->line) reply["line"] = *outcome.error->line;
    else reply["line"] = nullptr;
  }
  reply["stdout"] = run.standard_output.text;
  reply["stderr"] = run.standard_error.text;
  reply["output_dropped"] = run.standard_output.dropped + run.standard_error.dropped;
  reply["warnings"] = json::value_from(run.warnings);
  return reply;
}

}  // namespace qflow::api
