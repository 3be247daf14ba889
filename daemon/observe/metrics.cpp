#include "daemon/observe/metrics.hpp"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace qflow::observe {
namespace {

using prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets& seconds_buckets() {
  static const Buckets kBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                0.5,    1,     2.5,    5,     10,   30,    60,   300};
  return kBuckets;
}
const Buckets& size_buckets() {
  static const Buckets kBuckets{1 << 10, 1 << 14, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28};
  return kBuckets;
}
std::string size_class(double size) {
  if (size < 1 << 10) return "under_1KiB";
  if (size < 1 << 20) return "under_1MiB";
  return size < 1 << 26 ? "under_64MiB" : "64MiB_and_more";
}

// The values that a label has taken so far; new values above the bound become "other".
class Bounded {
 public:
  std::string of(const std::string& value) {
    constexpr std::size_t kMost = 200;
    const std::lock_guard lock(mutex_);
    if (seen_.count(value) != 0) return value;
    if (seen_.size() >= kMost) return "other";
    seen_.insert(value);
    return value;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> seen_;
};

struct Rate {
  std::uint64_t all = 0, good = 0;
};

}  // namespace

struct Metrics::Families {
  explicit Families(std::vector<std::string> names) : operations(std::move(names)), of_route(operations.size()) {}
  prometheus::Registry registry;
  std::vector<std::pair<std::string, std::string>> heads;  ///< of all families, also those without values yet
  using Histograms = prometheus::Family<prometheus::Histogram>;
  using Counters = prometheus::Family<prometheus::Counter>;
  using Gauges = prometheus::Family<prometheus::Gauge>;
  Histograms& histogram(const char* name, const char* help) {
    heads.emplace_back(name, fmt::format("# HELP {0} {1}\n# TYPE {0} histogram\n", name, help));
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  Counters& counter(const char* name, const char* help) {
    heads.emplace_back(name, fmt::format("# HELP {0} {1}\n# TYPE {0} counter\n", name, help));
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Gauges& gauge(const char* name, const char* help) {
    heads.emplace_back(name, fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help));
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  Histograms& executions = histogram("qflow_workflow_execution_duration_seconds", "How long executions took");
  Histograms& nodes = histogram("qflow_node_execution_duration_seconds", "How long nodes took");
  Histograms& code = histogram("qflow_python_code_execution_duration_seconds", "How long nodes' code took");
  Histograms& dependencies =
      histogram("qflow_python_dependency_installation_duration_seconds", "How long installing packages took");
  Histograms& creations =
      histogram("qflow_python_container_creation_duration_seconds", "How long environments took to start");
  Histograms& checks = histogram("qflow_type_validation_duration_seconds", "How long type checks took");
  Histograms& conversions = histogram("qflow_type_conversion_duration_seconds", "How long type conversions took");
  Histograms& serializations =
      histogram("qflow_data_serialization_duration_seconds", "How long serializing values took");
  Histograms& transfers = histogram("qflow_data_transfer_size_bytes", "Sizes of values that left their worker");
  Histograms& flows = histogram("qflow_data_flow_duration_seconds", "How long values took between workers");
  Counters& executions_total = counter("qflow_workflow_executions_total", "Executions that ended");
  Counters& nodes_total = counter("qflow_node_executions_total", "Nodes that ended");
  Counters& checks_total = counter("qflow_type_compatibility_checks_total", "Type checks");
  Gauges& success_rate = gauge("qflow_workflow_success_rate", "Share of executions that completed, since the start");
  Gauges& error_rate = gauge("qflow_node_error_rate", "Share of nodes that failed, since the start");
  Gauges& container_cpu = gauge("qflow_container_cpu_usage_percent", "Processor use of environments");
  Gauges& container_memory = gauge("qflow_container_memory_usage_bytes", "Memory of environments");
  Gauges& container_disk = gauge("qflow_container_disk_usage_bytes", "Disk use of environments");
  Gauges& containers = gauge("qflow_active_containers", "Environments by state");
  Histograms& requests = histogram("qflow_http_request_duration_seconds", "How long HTTP requests took");
  Histograms& queue = histogram("qflow_execution_queue_seconds", "How long executions waited for a place");
  Counters& engine =
      counter("qflow_engine_events_total", "Branches, retries, resumes, cached results, live values used again");
  Histograms& checkpoint_bytes = histogram("qflow_checkpoint_size_bytes", "Sizes of values kept for a restart");
  Histograms& checkpoint_seconds = histogram("qflow_checkpoint_duration_seconds", "How long writing them took");
  Gauges& waiting = gauge("qflow_executions_waiting", "Executions that wait for a place, by priority");
  Histograms& groups = histogram("qflow_store_commit_group_jobs", "Writes that shared one commit");
  Gauges& spares = gauge("qflow_pool_spares_total", "Executions that found a spare worker (hit) or not (miss)");
  Gauges& state = gauge("qflow_state", "Current executions and subscribers");

  Bounded workflow_ids, node_ids, node_types, container_ids, types;
  std::vector<std::string> operations;
  /// By route and status class: a look-up by labels for each request would cost more than the request.
  std::vector<std::array<std::atomic<prometheus::Histogram*>, 6>> of_route;
  std::mutex rates_mutex;
  std::map<std::string, Rate> workflow_rates, node_rates;
};

Metrics::Metrics(std::vector<std::string> operations) : families_(std::make_unique<Families>(std::move(operations))) {}
Metrics::~Metrics() = default;

void Metrics::request(std::size_t route, int status, double seconds) {
  auto& f = *families_;
  if (route >= f.operations.size() || status < 100 || status > 599) return;
  auto& slot = f.of_route[route][static_cast<std::size_t>(status) / 100];
  prometheus::Histogram* histogram = slot.load(std::memory_order_acquire);
  if (histogram == nullptr) {
    histogram = &f.requests.Add({{"operation", f.operations[route]}, {"status", std::to_string(status / 100) + "xx"}},
                                seconds_buckets());
    slot.store(histogram, std::memory_order_release);
  }
  histogram->Observe(seconds);
}

void Metrics::execution(const std::string& workflow_id, const std::string& status, const std::string& python,
                        double seconds, double queue_seconds) {
  auto& f = *families_;
  const std::string id = f.workflow_ids.of(workflow_id);
  f.executions.Add({{"workflow_id", id}, {"status", status}, {"python_version", python}}, seconds_buckets())
      .Observe(seconds);
  f.executions_total.Add({{"status", status}, {"python_version", python}}).Increment();
  f.queue.Add({}, seconds_buckets()).Observe(queue_seconds);
  const std::lock_guard lock(f.rates_mutex);
  Rate& rate = f.workflow_rates[id];
  ++rate.all;
  rate.good += status == "completed" ? 1 : 0;
  f.success_rate.Add({{"workflow_id", id}}).Set(static_cast<double>(rate.good) / static_cast<double>(rate.all));
}

void Metrics::node(const std::string& type, const std::string& node_id, const std::string& status,
                   const std::string& python, double seconds) {
  auto& f = *families_;
  const std::string kind = f.node_types.of(type);
  const std::string id = f.node_ids.of(node_id);
  f.nodes.Add({{"node_type", kind}, {"node_id", id}, {"status", status}}, seconds_buckets()).Observe(seconds);
  f.code.Add({{"python_version", python}, {"node_id", id}}, seconds_buckets()).Observe(seconds);
  f.nodes_total.Add({{"node_type", kind}, {"status", status}}).Increment();
  const std::lock_guard lock(f.rates_mutex);
  Rate& rate = f.node_rates[kind];
  ++rate.all;
  rate.good += status == "completed" ? 1 : 0;
  f.error_rate.Add({{"node_type", kind}}).Set(1 - static_cast<double>(rate.good) / static_cast<double>(rate.all));
}

void Metrics::type_validation(const char* what, double seconds) {
  families_->checks.Add({{"validation_type", what}}, seconds_buckets()).Observe(seconds);
}

void Metrics::type_check(const std::string& source, const std::string& target, bool compatible, double seconds) {
  auto& f = *families_;
  f.checks.Add({{"validation_type", "compatibility"}}, seconds_buckets()).Observe(seconds);
  f.checks_total
      .Add({{"source_type", f.types.of(source)},
            {"target_type", f.types.of(target)},
            {"compatible", compatible ? "true" : "false"}})
      .Increment();
}

void Metrics::type_conversion(const std::string& from, const std::string& to, double seconds) {
  auto& f = *families_;
  f.conversions.Add({{"from_type", f.types.of(from)}, {"to_type", f.types.of(to)}}, seconds_buckets()).Observe(seconds);
}

void Metrics::data_flow(const std::string& source_type, const std::string& target_type,
                        const std::string& serialization, double size, double seconds) {
  auto& f = *families_;
  const Labels ends{{"source_node_type", f.node_types.of(source_type)},
                    {"target_node_type", f.node_types.of(target_type)}};
  f.transfers.Add(ends, size_buckets()).Observe(size);
  f.flows.Add(ends, seconds_buckets()).Observe(seconds);
  f.serializations
      .Add({{"serialization_type", serialization}, {"data_size_bytes", size_class(size)}}, seconds_buckets())
      .Observe(seconds);
}

void Metrics::container_created(const std::string& python, double seconds) {
  families_->creations.Add({{"python_version", python}}, seconds_buckets()).Observe(seconds);
}

void Metrics::happened(const char* what, double count) {
  if (count > 0) families_->engine.Add({{"what", what}}).Increment(count);
}

void Metrics::checkpoint(double bytes, double seconds) {
  families_->checkpoint_bytes.Add({}, size_buckets()).Observe(bytes);
  families_->checkpoint_seconds.Add({}, seconds_buckets()).Observe(seconds);
}

void Metrics::commit_group(std::size_t jobs) {
  static const Buckets kJobs{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  families_->groups.Add({}, kJobs).Observe(static_cast<double>(jobs));
}

namespace {

void add(prometheus::ClientMetric& sum, const prometheus::ClientMetric& one) {
  sum.counter.value += one.counter.value;
  sum.gauge.value += one.gauge.value;
  sum.histogram.sample_count += one.histogram.sample_count;
  sum.histogram.sample_sum += one.histogram.sample_sum;
  for (std::size_t i = 0; i < sum.histogram.bucket.size() && i < one.histogram.bucket.size(); ++i)
    sum.histogram.bucket[i].cumulative_count += one.histogram.bucket[i].cumulative_count;
}

void hide_ids(prometheus::MetricFamily& family) {
  std::map<std::string, std::size_t> places;
  std::vector<prometheus::ClientMetric> sums;
  for (prometheus::ClientMetric& metric : family.metric) {
    std::string key;
    for (auto& label : metric.label) {
      if (label.name == "workflow_id" || label.name == "node_id" || label.name == "container_id") label.value.clear();
      key += label.name + "=" + label.value + "\n";
    }
    const auto [at, is_new] = places.emplace(key, sums.size());
    if (is_new) sums.push_back(std::move(metric));
    else add(sums[at->second], metric);
  }
  family.metric = std::move(sums);
}

}  // namespace

std::string Metrics::text(const Now& now, bool ids) {
  auto& f = *families_;
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const Container& c : now.containers) {
    const Labels labels{{"container_id", f.container_ids.of(c.id)}, {"python_version", c.python}};
    f.container_cpu.Add(labels).Set(c.cpu_percent);
    f.container_memory.Add(labels).Set(c.memory_bytes);
    f.container_disk.Add(labels).Set(c.disk_bytes);
    ++counts[{c.python, c.status}];
  }
  for (const auto& [labels, count] : counts)
    f.containers.Add({{"python_version", labels.first}, {"status", labels.second}}).Set(count);
  f.spares.Add({{"result", "hit"}}).Set(static_cast<double>(now.spare_hits));
  f.spares.Add({{"result", "miss"}}).Set(static_cast<double>(now.spare_misses));
  f.state.Add({{"what", "running"}}).Set(static_cast<double>(now.running));
  f.state.Add({{"what", "waiting"}}).Set(static_cast<double>(now.waiting));
  f.state.Add({{"what", "kept_workers"}}).Set(static_cast<double>(now.kept));
  for (const auto& [priority, count] : now.waiting_by_class)
    f.waiting.Add({{"priority", priority}}).Set(static_cast<double>(count));
  f.state.Add({{"what", "subscribers"}}).Set(static_cast<double>(now.subscribers));
  std::vector<prometheus::MetricFamily> families = f.registry.Collect();
  if (!ids) {
    Rate all;
    {
      const std::lock_guard lock(f.rates_mutex);
      for (const auto& [id, rate] : f.workflow_rates) all = {all.all + rate.all, all.good + rate.good};
    }
    for (prometheus::MetricFamily& family : families) {
      hide_ids(family);
      // A share is not a sum.
      if (family.name == "qflow_workflow_success_rate" && all.all > 0)
        for (auto& metric : family.metric)
          metric.gauge.value = static_cast<double>(all.good) / static_cast<double>(all.all);
    }
  }
  std::string out = prometheus::TextSerializer().Serialize(families);
  for (const auto& [name, head] : f.heads)
    if (out.find("# TYPE " + name + " ") == std::string::npos) out += head;
  return out;
}

}  // namespace qflow::observe
