// The parts of the ZooKeeper library that need no server.
#include <gtest/gtest.h>

#include <vector>

#include "common/zk/lease.h"
#include "common/zk/paths.h"
#include "common/zk/reaper.h"
#include "common/zk/watch_table.h"

namespace penstock::zk {
namespace {

using namespace std::chrono_literals;

TEST(ZkPath, is_absolute_and_plain) {
  for (const char* good : {"/", "/a", "/meta/east/clusters/orders", "/a.b/c-d_e/0"})
    EXPECT_TRUE(check_path(good)) << good;
  for (const char* bad : {"", "a", "a/b", "/a/", "//", "/a//b", "/a\nb"})
    EXPECT_EQ(check_path(bad).error().code, Errc::invalid_argument) << bad;
}

TEST(ZkPath, parents_come_first) {
  EXPECT_EQ(path_and_parents("/a/b/c"), (std::vector<std::string>{"/a", "/a/b", "/a/b/c"}));
  EXPECT_EQ(path_and_parents("/a"), (std::vector<std::string>{"/a"}));
  EXPECT_TRUE(path_and_parents("/").empty());
  EXPECT_TRUE(path_and_parents("").empty());
}

TEST(ZkSize, a_request_is_at_most_512_kib_and_500_operations) {
  EXPECT_TRUE(check_size("/a", 500 * 1024));
  EXPECT_EQ(check_size("/a", 512 * 1024).error().code, Errc::invalid_argument);
  EXPECT_TRUE(check_operations(std::vector<Op>(500, Op::check("/a", 0))));
  EXPECT_EQ(check_operations(std::vector<Op>(501, Op::check("/a", 0))).error().code, Errc::invalid_argument);
  const std::vector<Op> heavy(10, Op::set("/a", std::string(60'000, 'x'), 0));
  EXPECT_EQ(check_operations(heavy).error().code, Errc::invalid_argument);
  EXPECT_EQ(check_operations({Op::check("a", 0)}).error().code, Errc::invalid_argument);
}

TEST(Lease, runs_from_the_time_of_sending_and_stays_a_sixth_short) {
  const BootClock::time_point sent(1h);
  Lease lease;
  EXPECT_FALSE(lease.holds(sent, 0ms)) << "none before the first answer";
  lease.renewed(sent, 6s);
  EXPECT_TRUE(lease.holds(sent + 4'999ms, 0ms));
  EXPECT_FALSE(lease.holds(sent + 5s, 0ms));
  EXPECT_TRUE(lease.holds(sent + 3'999ms, 1s));
  EXPECT_FALSE(lease.holds(sent + 4s, 1s)) << "an effect that may take 1 s does not fit any more";
  lease.renewed(sent - 1s, 6s);
  EXPECT_TRUE(lease.holds(sent + 4'999ms, 0ms)) << "a late answer to an older probe takes nothing away";
  lease.drop();
  EXPECT_FALSE(lease.holds(sent, 0ms));
}

TEST(WatchTable, a_watcher_has_one_place_per_path_and_is_forgotten_when_it_is_gone) {
  WatchTable table;
  int calls = 0;
  auto watcher = std::make_unique<Watcher>([&] { ++calls; });
  for (int i = 0; i < 5; ++i) table.add(WatchKind::data, "/a", *watcher);
  table.add(WatchKind::data, "/a", [&] { calls += 10; });
  table.add(WatchKind::children, "/a", *watcher);
  for (const auto& hook : table.take(WatchKind::data, "/a")) hook();
  EXPECT_EQ(calls, 11);
  EXPECT_TRUE(table.take(WatchKind::data, "/a").empty()) << "one shot";
  watcher.reset();
  for (const auto& hook : table.take_all()) hook();
  EXPECT_EQ(calls, 11) << "nobody is called who has gone";
}

TEST(WatchTable, counts_the_paths_that_the_client_will_send_again) {
  WatchTable table;
  table.add(WatchKind::data, "/abc", OnChange{});
  table.add(WatchKind::data, "/abc", [] {});
  EXPECT_EQ(table.bytes(), 4u);
  table.add(WatchKind::children, "/abc", [] {});
  EXPECT_EQ(table.bytes(), 8u);
  EXPECT_FALSE(table.has_room(WatchKind::data, "/new", 11));
  EXPECT_TRUE(table.has_room(WatchKind::data, "/new", 12));
  EXPECT_TRUE(table.has_room(WatchKind::data, "/abc", 8)) << "no more than there is";
  table.take(WatchKind::data, "/abc");
  EXPECT_EQ(table.bytes(), 4u);
  table.take_all();
  EXPECT_EQ(table.bytes(), 0u);
}

TEST(Reaper, does_every_job_in_order_before_it_is_joined) {
  std::vector<int> done;
  Reaper reaper;
  for (int i = 0; i < 100; ++i) reaper.submit([&done, i] { done.push_back(i); });
  reaper.finish();
  ASSERT_EQ(done.size(), 100u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  reaper.submit([&done] { done.clear(); });
  reaper.finish();
  EXPECT_EQ(done.size(), 100u) << "dropped";
}

}  // namespace
}  // namespace penstock::zk
