#include "common/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace penstock::metrics {

void Counter::add(double value) {
  static_cast<prometheus::Counter*>(handle)->Increment(value);
}
double Counter::value() const {
  return static_cast<prometheus::Counter*>(handle)->Value();
}
void Gauge::set(double value) {
  static_cast<prometheus::Gauge*>(handle)->Set(value);
}
double Gauge::value() const {
  return static_cast<prometheus::Gauge*>(handle)->Value();
}

struct Registry::Impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  Counter counter;
  counter.handle = &family.Add(labels);
  return counter;
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  Gauge gauge;
  gauge.handle = &family.Add(labels);
  return gauge;
}

std::string Registry::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace penstock::metrics
