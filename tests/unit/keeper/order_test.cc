#include "keeper/core/order.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using model::HandoverState;
using model::KeeperState;

const Address kMaster{"127.0.0.1", 7001}, kOther{"127.0.0.1", 7002};

Order order(std::uint64_t epoch) {
  return {true, kMaster, true, epoch, {kMaster}};
}
Standing standing_at(std::uint64_t epoch) {
  return {KeeperState::active, kMaster, true, epoch, epoch};
}

TEST(Order, epochs_decide) {
  EXPECT_EQ(decide_order(order(1), Standing{}).verdict, OrderVerdict::obey);
  EXPECT_EQ(decide_order(order(6), standing_at(5)).verdict, OrderVerdict::obey);
  const auto stale = decide_order(order(4), standing_at(5));
  EXPECT_EQ(stale.verdict, OrderVerdict::stale);
  EXPECT_EQ(stale.have, 5u);
}

TEST(Order, an_equal_epoch_repeats_the_same_order_and_refuses_any_other) {
  EXPECT_EQ(decide_order(order(5), standing_at(5)).verdict, OrderVerdict::repeat);
  Order changed = order(5);
  changed.members.push_back(kOther);
  EXPECT_EQ(decide_order(changed, standing_at(5)).verdict, OrderVerdict::repeat) << "members may change";
  changed = order(5);
  changed.active = false;
  EXPECT_EQ(decide_order(changed, standing_at(5)).verdict, OrderVerdict::stale);
  changed = order(5);
  changed.upstream = kOther;
  EXPECT_EQ(decide_order(changed, standing_at(5)).verdict, OrderVerdict::stale);
  changed = order(5);
  changed.active_dc = false;
  EXPECT_EQ(decide_order(changed, standing_at(5)).verdict, OrderVerdict::stale);
}

TEST(Order, a_restarted_keeper_is_confirmed_by_the_order_that_it_had) {
  Standing restarted = standing_at(5);
  restarted.state = KeeperState::pre_active;
  EXPECT_EQ(decide_order(order(5), restarted).verdict, OrderVerdict::repeat);
}

TEST(Order, an_epoch_seen_without_an_order_still_takes_one) {
  Standing seen = standing_at(4);
  seen.epoch = 5;  // by HANDOVER ARM
  Order moved = order(5);
  moved.upstream = kOther;
  EXPECT_EQ(decide_order(moved, seen).verdict, OrderVerdict::obey);
  EXPECT_EQ(decide_order(order(4), seen).verdict, OrderVerdict::stale);
}

TEST(Order, whoever_refuses_says_the_highest_epoch_that_was_seen) {
  Standing seen = standing_at(4);
  seen.epoch = 7;
  for (const std::uint64_t epoch : {0, 3, 4, 5, 6}) {
    const auto answer = decide_order(order(epoch), seen);
    EXPECT_EQ(answer.verdict, OrderVerdict::stale) << epoch;
    EXPECT_EQ(answer.have, 7u);
  }
  EXPECT_EQ(decide_order(order(UINT64_MAX), seen).verdict, OrderVerdict::obey);
}

TEST(Order, an_upstream_of_nobody_is_an_order_like_any_other) {
  Order alone = order(5);
  alone.upstream = std::nullopt;
  EXPECT_EQ(decide_order(alone, standing_at(5)).verdict, OrderVerdict::stale);
  Standing standing = standing_at(5);
  standing.upstream = std::nullopt;
  EXPECT_EQ(decide_order(alone, standing).verdict, OrderVerdict::repeat);
}

TEST(Order, a_new_one_ends_any_hand_over_and_a_repeated_one_only_what_was_accepted) {
  for (const auto state :
       {HandoverState::none, HandoverState::armed, HandoverState::held, HandoverState::accepted}) {
    const Handover handover{state, "replid", 5, 1000, 101};
    EXPECT_EQ(after_order(OrderVerdict::obey, handover), Handover{});
    EXPECT_EQ(after_order(OrderVerdict::stale, handover), handover);
    EXPECT_EQ(after_order(OrderVerdict::repeat, handover),
              state == HandoverState::accepted ? Handover{} : handover);
  }
}

TEST(ReplicaOf, is_obeyed_by_an_active_keeper_of_the_active_dc_towards_members_only) {
  const std::vector<Address> members{kMaster, kOther};
  const Standing active = standing_at(5);
  EXPECT_EQ(decide_replicaof(kOther, active, {}, members, false), ReplicaOfVerdict::obey);
  EXPECT_EQ(decide_replicaof(std::nullopt, active, {}, members, false), ReplicaOfVerdict::refuse);
  EXPECT_EQ(decide_replicaof(Address{"10.0.0.1", 1}, active, {}, members, false), ReplicaOfVerdict::pretend);
  for (const auto state : {KeeperState::unknown, KeeperState::pre_active, KeeperState::backup}) {
    Standing standing = active;
    standing.state = state;
    EXPECT_EQ(decide_replicaof(kOther, standing, {}, members, false), ReplicaOfVerdict::pretend);
  }
  Standing backup_dc = active;
  backup_dc.active_dc = false;
  EXPECT_EQ(decide_replicaof(kOther, backup_dc, {}, members, false), ReplicaOfVerdict::pretend);
  for (const auto state : {HandoverState::armed, HandoverState::held, HandoverState::accepted})
    EXPECT_EQ(decide_replicaof(kOther, active, Handover{state, "", 0, 0, 0}, members, false),
              ReplicaOfVerdict::pretend);
}

TEST(ReplicaOf, standalone_obeys_and_is_never_a_master) {
  EXPECT_EQ(decide_replicaof(Address{"10.0.0.1", 1}, Standing{}, {}, {}, true), ReplicaOfVerdict::obey);
  EXPECT_EQ(decide_replicaof(std::nullopt, Standing{}, {}, {}, true), ReplicaOfVerdict::refuse);
}

}  // namespace
}  // namespace penstock::keeper
