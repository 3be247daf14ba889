#include "daemon/engine/describe.hpp"

#include <fmt/format.h>

namespace qflow::engine {

Task<Description> describe_code(workers::Pool& pool, Plan plan) {
  const Step& step = plan.steps.front();
  Description out;
  std::shared_ptr<workers::Worker> worker =
      co_await pool.acquire(plan.python, plan.environment, plan.imports, plan.sandboxes.front());
  worker->begin();
  schema::Load load;
  load.file = step.file;
  load.mark = worker->nonce();
  load.function = step.node.function;
  load.describe_only = !step.node.function;
  std::string frame;
  schema::pack(schema::Kind::load, 1, load, frame, step.node.code);
  worker->set_deadline(Clock::now() +
                       std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(step.timeout)));
  worker->post(std::move(frame));
  const std::optional<schema::Frame> answer = co_await worker->receive();
  std::string problem;
  if (!answer) {
    out.errors.push_back(worker->end() == workers::End::timed_out
                             ? fmt::format("TimedOut: the module did not load within {} s", step.timeout)
                             : "WorkerDied: the module ended its process while it was loaded");
  } else if (answer->kind == schema::Kind::raised) {
    if (const auto raised = schema::unpack<schema::Raised>(*answer, problem)) {
      const std::string line = raised->line ? fmt::format(" (line {})", *raised->line) : "";
      out.errors.push_back(raised->type + ": " + raised->message + line);
    }
  } else if (auto loaded = schema::unpack<schema::Loaded>(*answer, problem);
             loaded && answer->kind == schema::Kind::loaded) {
    if (loaded->functions.empty())
      out.errors.push_back("the code defines no function; a node needs one `def` at the top level");
    out.loaded = std::move(*loaded);
  }
  if (!problem.empty()) out.errors.push_back("ProtocolViolation: " + problem);
  pool.release(worker);
  co_return out;
}

}  // namespace qflow::engine
