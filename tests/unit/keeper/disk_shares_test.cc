#include "keeper/core/disk_shares.h"

#include <gtest/gtest.h>

#include <random>

namespace penstock::keeper {
namespace {

using Shares = std::vector<std::uint64_t>;

struct Case {
  const char* what;
  std::uint64_t cap;
  std::vector<DiskUse> keepers;
  Shares shares;
};

TEST(DiskShares, table) {
  const std::vector<Case> cases = {
      {"nobody", 10, {}, {}},
      {"within the cap nobody gives anything",
       100,
       {{.log = 60, .segment = 10}, {.log = 40, .segment = 10}},
       {60, 40}},
      {"equals give alike", 100, {{.log = 80, .segment = 10}, {.log = 80, .segment = 10}}, {50, 50}},
      {"who has less than the others gives nothing",
       100,
       {{.log = 90, .segment = 10}, {.log = 90, .segment = 10}, {.log = 20, .segment = 10}},
       {40, 40, 20}},
      {"RDBs leave less for logs",
       100,
       {{.log = 80, .rdbs = 30, .segment = 10}, {.log = 80, .segment = 10}},
       {35, 35}},
      {"a replica's need stays, the others make the room",
       100,
       {{.log = 80, .connected = 70, .segment = 10}, {.log = 80, .segment = 10}},
       {70, 30}},
      {"what makes an RDB useful stays as well",
       100,
       {{.log = 80, .behind_rdb = 70, .segment = 10}, {.log = 80, .segment = 10}},
       {70, 30}},
      {"… but goes before what a replica needs",
       100,
       {{.log = 80, .behind_rdb = 80, .segment = 10}, {.log = 80, .connected = 70, .segment = 10}},
       {30, 70}},
      {"… which goes when there is no other way",
       100,
       {{.log = 80, .connected = 80, .segment = 10}, {.log = 80, .connected = 70, .segment = 10}},
       {50, 50}},
      {"never below a segment, whatever the cap",
       10,
       {{.log = 80, .rdbs = 50, .connected = 80, .segment = 10}, {.log = 80, .segment = 16}},
       {10, 16}},
      {"a log that is shorter than a segment does not grow",
       20,
       {{.log = 3, .segment = 10}, {.log = 80, .segment = 10}},
       {3, 17}},
  };
  for (const Case& c : cases) EXPECT_EQ(log_shares(c.keepers, c.cap), c.shares) << c.what;
}

TEST(DiskShares, room_for_an_rdb_is_what_logs_can_give_without_hurting_anybody) {
  const std::vector<DiskUse> keepers = {
      {.log = 80, .rdbs = 30, .connected = 20, .behind_rdb = 80, .segment = 10}, {.log = 80, .segment = 10}};
  EXPECT_EQ(room_for_rdb(keepers, 100), 40u);
  EXPECT_EQ(room_for_rdb(keepers, 60), 0u);
  EXPECT_EQ(room_for_rdb(keepers, 10), 0u);
  EXPECT_EQ(room_for_rdb({}, 10), 10u);
}

/// What the table shows holds for any host.
TEST(DiskShares, whatever_the_host_looks_like) {
  std::mt19937 random(7);
  for (int round = 0; round < 5'000; ++round) {
    std::vector<DiskUse> keepers(random() % 6);
    std::uint64_t rdbs = 0, floor = 0;
    for (DiskUse& keeper : keepers) {
      keeper = {random() % 200, random() % 50, 0, 0, 1 + random() % 20};
      keeper.connected = random() % (keeper.log + 1);
      keeper.behind_rdb = random() % (keeper.log + 1);
      rdbs += keeper.rdbs;
      floor += std::min(keeper.log, std::max(keeper.segment, keeper.connected));
    }
    const std::uint64_t cap = random() % 800;
    const Shares shares = log_shares(keepers, cap);
    ASSERT_EQ(shares.size(), keepers.size());
    std::uint64_t total = rdbs, level = UINT64_MAX;
    for (std::size_t i = 0; i < keepers.size(); ++i) {
      total += shares[i];
      ASSERT_LE(shares[i], keepers[i].log) << "nobody gains";
      ASSERT_GE(shares[i], std::min(keepers[i].log, keepers[i].segment)) << "a segment stays";
      if (rdbs + floor <= cap) {
        ASSERT_GE(shares[i], keepers[i].connected) << "there was another way";
      }
      if (shares[i] < keepers[i].log) level = std::min(level, shares[i]);
    }
    if (rdbs + floor <= cap) {
      ASSERT_LE(total, cap);
    }
    // Fair: nobody keeps more than the one that was cut the most, but for a need.
    for (std::size_t i = 0; i < keepers.size() && level != UINT64_MAX; ++i) {
      const auto need = std::max({keepers[i].segment, keepers[i].connected, keepers[i].behind_rdb});
      std::uint64_t highest = 0;
      for (std::size_t j = 0; j < keepers.size(); ++j)
        if (shares[j] < keepers[j].log) highest = std::max(highest, shares[j]);
      ASSERT_LE(shares[i], std::max(highest, need));
    }
  }
}

}  // namespace
}  // namespace penstock::keeper
