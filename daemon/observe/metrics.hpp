// Numbers for Prometheus (README.md, "Metrics"). Any thread. A label that names rows has a bounded number of values;
// further values count as "other".
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qflow::observe {

class Metrics {
 public:
  /// `operations`: the names of the routes, by their index.
  explicit Metrics(std::vector<std::string> operations);
  ~Metrics();

  // Each records an event. Durations in seconds, sizes in bytes.
  void request(std::size_t route, int status, double seconds);
  void execution(const std::string& workflow_id, const std::string& status, const std::string& python, double seconds,
                 double queue_seconds);
  void node(const std::string& type, const std::string& node_id, const std::string& status, const std::string& python,
            double seconds);
  /// A check of many types at once. `what`: workflow, connection.
  void type_validation(const char* what, double seconds);
  void type_check(const std::string& source, const std::string& target, bool compatible, double seconds);
  void type_conversion(const std::string& from, const std::string& to, double seconds);
  void data_flow(const std::string& source_type, const std::string& target_type, const std::string& serialization,
                 double size, double seconds);
  void container_created(const std::string& python, double seconds);
  /// Something that the engine did. `what`: branch, retry, resume, cached, kept.
  void happened(const char* what, double count = 1);
  void checkpoint(double bytes, double seconds);
  void commit_group(std::size_t jobs);

  /// Gauges, sampled at scrape time.
  struct Container {
    std::string id, python, status;
    double cpu_percent = 0, memory_bytes = 0, disk_bytes = 0;
  };
  struct Now {
    std::vector<Container> containers;
    std::uint64_t spare_hits = 0, spare_misses = 0;
    std::size_t running = 0, waiting = 0, kept = 0, subscribers = 0;
    std::vector<std::pair<std::string, std::size_t>> waiting_by_class;  ///< for a place, by priority
  };
  /// The text of /metrics (exposition format 0.0.4). Without `ids`, rows that differ only in what names a workflow, a
  /// node or a container are summed, and these labels are empty: anybody may ask.
  std::string text(const Now& now, bool ids);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace qflow::observe
