// Counters and gauges in Prometheus text format. Names: penstock_<daemon>_<what>_<unit>[_total].
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace penstock::metrics {

using Labels = std::map<std::string, std::string>;

/// Cheap to copy; safe from any thread.
class Counter {
 public:
  void add(double value = 1);
  double value() const;
  void* handle = nullptr;
};
class Gauge {
 public:
  void set(double value);
  double value() const;
  void* handle = nullptr;
};

class Registry {
 public:
  Registry();
  ~Registry();
  /// The same name and labels give the same metric.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  std::string text() const;  ///< the body of GET /metrics

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::metrics
