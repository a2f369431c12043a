#include "keeper/core/full_sync_gate.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using Verdict = FullSyncGate::Answer::Verdict;
const std::string kRdb = "REDIS0012";

TEST(FullSyncGate, a_replica_that_loads_nothing_waits_longer_each_time) {
  FullSyncGate gate;
  std::int64_t now = 0;
  for (const std::int64_t pause : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    ASSERT_EQ(gate.ask("r:1", "r", kRdb, now).verdict, Verdict::go) << pause;
    gate.sent("r");
    gate.ended("r:1", kRdb, false, now);
    EXPECT_EQ(gate.ask("r:1", "r", kRdb, now + 1).verdict, Verdict::later);
    EXPECT_EQ(gate.ask("r:1", "r", kRdb, now + 1).wait_ms, pause - 1);
    EXPECT_EQ(gate.ask("r:2", "r", kRdb, now + 1).verdict, Verdict::go) << "another one is not concerned";
    gate.sent("r");
    now += pause;
  }
  ASSERT_EQ(gate.ask("r:1", "r", kRdb, now).verdict, Verdict::go);
  gate.sent("r");
  gate.ended("r:1", kRdb, true, now);
  EXPECT_EQ(gate.ask("r:1", "r", kRdb, now).verdict, Verdict::go) << "what was loaded is forgiven";
}

TEST(FullSyncGate, an_rdb_of_another_version_is_another_try) {
  FullSyncGate gate;
  for (int i = 0; i < 5; ++i) gate.ended("r:1", kRdb, false, 0);
  EXPECT_EQ(gate.ask("r:1", "r", kRdb, 1).verdict, Verdict::later);
  EXPECT_EQ(gate.ask("r:1", "r", "REDIS0011", 1).verdict, Verdict::go);
  gate.sent("r");
  gate.ended("r:1", "REDIS0011", false, 1);
  EXPECT_EQ(gate.ask("r:1", "r", "REDIS0011", 2), (FullSyncGate::Answer{Verdict::later, 1, 999}))
      << "which counts from the beginning";
}

TEST(FullSyncGate, so_many_at_once_and_no_more) {
  FullSyncGate gate({.at_once = 3, .at_once_per_host = 2});
  EXPECT_EQ(gate.ask("a:1", "a", kRdb, 0).verdict, Verdict::go);
  EXPECT_EQ(gate.ask("a:2", "a", kRdb, 0).verdict, Verdict::go);
  EXPECT_EQ(gate.ask("a:3", "a", kRdb, 0).verdict, Verdict::wait);
  EXPECT_EQ(gate.ask("b:1", "b", kRdb, 0).verdict, Verdict::go);
  EXPECT_EQ(gate.ask("c:1", "c", kRdb, 0).verdict, Verdict::wait);
  gate.sent("a");
  EXPECT_EQ(gate.ask("a:3", "a", kRdb, 0).verdict, Verdict::go);
  gate.sent("b");
  EXPECT_EQ(gate.ask("c:1", "c", kRdb, 0).verdict, Verdict::go);
}

}  // namespace
}  // namespace penstock::keeper
