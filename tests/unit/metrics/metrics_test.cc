#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::metrics {
namespace {

TEST(Registry, writes_prometheus_text) {
  Registry registry;
  registry.counter("penstock_keeper_full_syncs_total", "Full syncs.", {{"shard", "s1"}}).add(2);
  registry.gauge("penstock_keeper_lag_bytes", "Lag.").set(7);
  const std::string text = registry.text();
  EXPECT_THAT(text, ::testing::HasSubstr("# TYPE penstock_keeper_full_syncs_total counter"));
  EXPECT_THAT(text, ::testing::HasSubstr("penstock_keeper_full_syncs_total{shard=\"s1\"} 2"));
  EXPECT_THAT(text, ::testing::HasSubstr("penstock_keeper_lag_bytes 7"));
}

TEST(Registry, gives_the_same_metric_for_the_same_name_and_labels) {
  Registry registry;
  registry.counter("a_total", "A.", {{"x", "1"}}).add();
  registry.counter("a_total", "A.", {{"x", "1"}}).add();
  registry.counter("a_total", "A.", {{"x", "2"}}).add();
  EXPECT_EQ(registry.counter("a_total", "A.", {{"x", "1"}}).value(), 2);
}

}  // namespace
}  // namespace penstock::metrics
