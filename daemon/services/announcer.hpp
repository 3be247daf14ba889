// Reports executions as they run: events for subscribers, numbers for the metrics. Engine strand.
#pragma once
#include <map>
#include <string>

#include "daemon/engine/engine.hpp"
#include "daemon/engine/listener.hpp"
#include "daemon/observe/events.hpp"
#include "daemon/observe/metrics.hpp"

namespace qflow::services {

/// The event of an execution that was ended in the store: it had not begun, or its process is gone.
void publish_end(observe::Events& events, const store::Execution& ended);

class Announcer final : public engine::Listener {
 public:
  Announcer(observe::Events& events, observe::Metrics& metrics) : events_(events), metrics_(metrics) {}
  void on_wait(const engine::Order& order, std::size_t position, std::size_t waiting) override;
  void on_start(const engine::Order& order) override;
  void on_step(const engine::Order& order, std::size_t step, const engine::StepRun& run) override;
  bool wants_output() const override { return events_.wanted(); }
  void on_keep(std::size_t bytes, double milliseconds) override;
  void on_note(const engine::Order& order, std::size_t step, const schema::Note& note) override;
  void on_output(const engine::Order& order, std::size_t step, bool standard_error, std::string_view text) override;
  void on_suspend(const engine::Order& order, const engine::Outcome& outcome) override;
  void on_end(const engine::Order& order, const engine::Outcome& outcome) override;

 private:
  void publish(const engine::Order& order, const char* type, boost::json::object fields);
  observe::Events& events_;
  observe::Metrics& metrics_;
  std::map<std::string, std::size_t> completed_;  ///< nodes that have ended, by execution
};

}  // namespace qflow::services
