#include "metaserver/core/shard_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  std::string name;
  bool west;
  std::function<void(ShardView&)> spoil;
  Diagnosis diagnosis;
  std::vector<std::string> actions;
};

class Decides : public testing::TestWithParam<Case> {};

TEST_P(Decides, what_to_do_and_why) {
  ShardView view = GetParam().west ? healthy_west() : healthy_east();
  GetParam().spoil(view);
  const Decision decision = decide(view, Policy{});
  EXPECT_EQ(to_string(decision.diagnosis), to_string(GetParam().diagnosis)) << decision.why;
  EXPECT_EQ(texts(decision.actions), GetParam().actions) << decision.why;
  EXPECT_FALSE(decision.why.empty());
}

void name_by_sentinels(ShardView& view, const Address& master, int count) {
  for (int i = 0; i < count; ++i)
    view.sentinels[static_cast<std::size_t>(i)] =
        sentinel(view.sentinels[static_cast<std::size_t>(i)].address, master);
}

void promote(ShardView& view) {
  kill_redis(view.redises[0]);
  view.redises[1] = redis(kReplica, RedisRole::master);
}

model::SwitchRecord switch_at(model::SwitchStep step, bool source) {
  model::SwitchRecord record;
  record.operation = "op";
  record.is_source = source;
  record.source_dc = "east";
  record.target_dc = "west";
  record.step = step;
  record.replid = kHistory;
  record.offset = kOffset;
  return record;
}

const std::vector<Case> kActiveDc = {
    {"healthy", false, [](ShardView&) {}, Diagnosis::healthy, {}},
    {"first_of_all",
     false,
     [](ShardView& v) { v.state.reset(); },
     Diagnosis::taking_over,
     {"record state at epoch 3.1"}},
    {"taking_over_raises_the_term",
     false,
     [](ShardView& v) { v.taken = false; },
     Diagnosis::taking_over,
     {"record state at epoch 3.6"}},
    {"new_config_raises_the_term",
     false,
     [](ShardView& v) { v.shard.version = 8; },
     Diagnosis::recording,
     {"record state at epoch 3.6"}},
    {"a_keeper_has_seen_a_higher_term",
     false,
     [](ShardView& v) { v.keepers[1].report->epoch = Epoch{3, 9}.packed(); },
     Diagnosis::keeper_ahead,
     {"record state at epoch 3.10"}},
    {"a_keeper_has_seen_a_later_switch",
     false,
     [](ShardView& v) { v.keepers[1].report->epoch = Epoch{4, 1}.packed(); },
     Diagnosis::keeper_ahead,
     {"set keeper 127.0.0.1:7002 BACKUP upstream 127.0.0.1:7001 epoch 3.5"}},

    {"bring_up_initial_master",
     false,
     [](ShardView& v) {
       v.state->master.reset(), v.state->upstream.reset(), v.state->active_keeper.reset();
       v.redises = {fresh_redis(kMaster), fresh_redis(kReplica)};
       for (auto& k : v.keepers) kill_keeper(k);
       for (auto& s : v.sentinels) s = sentinel(s.address, std::nullopt);
     },
     Diagnosis::no_keeper,
     {"record state at epoch 3.6", "notify console: redisMasterChanged  -> 127.0.0.1:6001"}},
    {"bring_up_replicas_sentinels_keepers",
     false,
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.redises = {fresh_redis(kMaster), fresh_redis(kReplica)};
       for (auto& k : v.keepers) kill_keeper(k);
       for (auto& s : v.sentinels) s = sentinel(s.address, std::nullopt);
     },
     Diagnosis::no_keeper,
     {"point redis 127.0.0.1:6002 at 127.0.0.1:6001", "sentinel 127.0.0.1:26001 monitor 127.0.0.1:6001",
      "sentinel 127.0.0.1:26002 monitor 127.0.0.1:6001", "sentinel 127.0.0.1:26003 monitor 127.0.0.1:6001",
      "create keeper 127.0.0.1:7001 on kh-1", "create keeper 127.0.0.1:7002 on kh-2"}},
    {"keepers_of_unregistered_hosts_wait",
     false,
     [](ShardView& v) { kill_keeper(v.keepers[1]), v.keeper_hosts.erase("kh-2"); },
     Diagnosis::keeper_missing,
     {}},
    {"first_keeper_elected",
     false,
     [](ShardView& v) { v.state->active_keeper.reset(); },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify peers: keeper 127.0.0.1:7001"}},
    {"no_initial_master",
     false,
     [](ShardView& v) {
       v.state->master.reset(), v.state->upstream.reset();
       kill_redis(v.redises[0]);
       for (auto& s : v.sentinels) s = sentinel(s.address, std::nullopt);
     },
     Diagnosis::no_master,
     {}},
    {"lost_state_finds_the_master_that_sentinels_name",
     false,
     [](ShardView& v) { v.state->master.reset(), promote(v), name_by_sentinels(v, kReplica, 3); },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify console: redisMasterChanged  -> 127.0.0.1:6002"}},
    {"lost_state_finds_the_master_that_all_follow",
     false,
     [](ShardView& v) {
       v.state->master.reset(), v.state->upstream = kReplica;
       v.redises = {redis(kMaster, RedisRole::replica, kReplica), redis(kReplica, RedisRole::master)};
       for (auto& s : v.sentinels) s = sentinel(s.address, std::nullopt);
     },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify console: redisMasterChanged  -> 127.0.0.1:6002"}},

    {"restarted_keepers_get_the_same_order",
     false,
     [](ShardView& v) {
       v.keepers[0].report->state = model::KeeperState::pre_active;
       v.keepers[1].report->state = model::KeeperState::pre_backup;
     },
     Diagnosis::ordering,
     {"set keeper 127.0.0.1:7001 ACTIVE upstream 127.0.0.1:6001 epoch 3.5",
      "set keeper 127.0.0.1:7002 BACKUP upstream 127.0.0.1:7001 epoch 3.5"}},
    {"active_keeper_dies",
     false,
     [](ShardView& v) { kill_keeper(v.keepers[0]); },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify peers: keeper 127.0.0.1:7002"}},
    {"then_the_successor_is_ordered",
     false,
     [](ShardView& v) {
       kill_keeper(v.keepers[0]);
       v.keeper_hosts.clear();
       v.state->active_keeper = kBackup;
     },
     Diagnosis::ordering,
     {"set keeper 127.0.0.1:7002 ACTIVE upstream 127.0.0.1:6001 epoch 3.5"}},
    {"active_keeper_misses_one_probe",
     false,
     [](ShardView& v) { kill_keeper(v.keepers[0], 1, false); },
     Diagnosis::keeper_missing,
     {}},
    {"another_shards_keeper_is_not_ordered",
     false,
     [](ShardView& v) { v.keepers[1].report->cluster = "sessions"; },
     Diagnosis::keeper_missing,
     {}},

    {"master_dies", false, [](ShardView& v) { kill_redis(v.redises[0]); }, Diagnosis::master_unreachable, {}},
    {"sentinels_name_one_that_is_no_master_yet",
     false,
     [](ShardView& v) { kill_redis(v.redises[0]), name_by_sentinels(v, kReplica, 2); },
     Diagnosis::master_moving,
     {}},
    {"a_new_master_without_the_sentinels_majority",
     false,
     [](ShardView& v) { promote(v), name_by_sentinels(v, kReplica, 1); },
     Diagnosis::stray_master,
     {}},
    {"a_new_master_with_the_sentinels_majority",
     false,
     [](ShardView& v) { promote(v), name_by_sentinels(v, kReplica, 2); },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify console: redisMasterChanged 127.0.0.1:6001 -> 127.0.0.1:6002"}},
    {"majority_counts_silent_sentinels",
     false,
     [](ShardView& v) {
       promote(v), name_by_sentinels(v, kReplica, 1);
       v.sentinels[1].reachable = v.sentinels[2].reachable = false;
     },
     Diagnosis::stray_master,
     {}},
    {"sentinels_name_a_stranger",
     false,
     [](ShardView& v) { name_by_sentinels(v, at(9999), 3); },
     Diagnosis::unknown_master,
     {}},
    {"a_keeper_that_sentinel_moved_is_left_alone",
     false,
     [](ShardView& v) { kill_redis(v.redises[0]), v.keepers[0].report->upstream = kReplica; },
     Diagnosis::master_unreachable,
     {}},
    {"and_ordered_back_when_the_master_is_clear",
     false,
     [](ShardView& v) { v.keepers[0].report->upstream = kReplica; },
     Diagnosis::ordering,
     {"set keeper 127.0.0.1:7001 ACTIVE upstream 127.0.0.1:6001 epoch 3.5"}},
    {"recorded_master_says_replica",
     false,
     [](ShardView& v) { v.redises[0] = redis(kMaster, RedisRole::replica, kReplica); },
     Diagnosis::master_demoted,
     {}},
    {"a_hint_is_not_enough_with_sentinels",
     false,
     [](ShardView& v) { promote(v), v.master_hint = kReplica; },
     Diagnosis::stray_master,
     {}},
    {"a_hint_without_sentinels",
     false,
     [](ShardView& v) {
       promote(v), v.master_hint = kReplica, v.shard.sentinel.addresses.clear(), v.sentinels.clear();
     },
     Diagnosis::recording,
     {"record state at epoch 3.6", "notify console: redisMasterChanged 127.0.0.1:6001 -> 127.0.0.1:6002"}},
    {"a_hint_while_the_old_master_lives",
     false,
     [](ShardView& v) {
       v.redises[1] = redis(kReplica, RedisRole::master);
       v.redises[1].role_since_ms = kNow;
       v.master_hint = kReplica, v.shard.sentinel.addresses.clear(), v.sentinels.clear();
     },
     Diagnosis::stray_master,
     {}},

    {"replica_of_somebody_else",
     false,
     [](ShardView& v) { v.redises[1].upstream = at(9999); },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6002 at 127.0.0.1:6001"}},
    {"replica_of_somebody_else_during_a_failover",
     false,
     [](ShardView& v) { v.redises[1].upstream = at(9999), v.sentinels[2].failover_in_progress = true; },
     Diagnosis::master_moving,
     {}},
    {"replica_of_somebody_else_while_sentinels_differ",
     false,
     [](ShardView& v) { v.redises[1].upstream = at(9999), name_by_sentinels(v, kReplica, 1); },
     Diagnosis::master_moving,
     {}},
    {"replica_without_a_link",
     false,
     [](ShardView& v) { v.redises[1].link_up = false; },
     Diagnosis::syncing,
     {}},
    {"returned_master_with_data_gets_its_grace",
     false,
     [](ShardView& v) {
       v.redises[1] = redis(kReplica, RedisRole::master), v.redises[1].role_since_ms = kNow - 9'999;
     },
     Diagnosis::stray_master,
     {}},
    {"returned_master_with_data_after_its_grace",
     false,
     [](ShardView& v) {
       v.redises[1] = redis(kReplica, RedisRole::master), v.redises[1].role_since_ms = kNow - 10'000;
     },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6002 at 127.0.0.1:6001"}},
    {"returned_master_with_data_while_sentinels_are_silent",
     false,
     [](ShardView& v) {
       v.redises[1] = redis(kReplica, RedisRole::master), v.redises[1].role_since_ms = 0;
       for (auto& s : v.sentinels) s.reachable = false;
     },
     Diagnosis::stray_master,
     {}},
    {"returned_empty_master",
     false,
     [](ShardView& v) { v.redises[1] = fresh_redis(kReplica); },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6002 at 127.0.0.1:6001"}},
    {"redis_does_not_answer",
     false,
     [](ShardView& v) { kill_redis(v.redises[1]); },
     Diagnosis::redis_missing,
     {}},
    {"redis_is_loading",
     false,
     [](ShardView& v) { v.redises[1].loading = true, v.redises[1].upstream = at(9999); },
     Diagnosis::syncing,
     {}},
    {"small_backlog",
     false,
     [](ShardView& v) { v.redises[1].backlog_size = 1 << 20; },
     Diagnosis::ordering,
     {"set backlog of 127.0.0.1:6002 to 67108864"}},

    {"sentinel_forgot_the_master",
     false,
     [](ShardView& v) { v.sentinels[1] = sentinel(at(26002), std::nullopt); },
     Diagnosis::ordering,
     {"sentinel 127.0.0.1:26002 monitor 127.0.0.1:6001"}},
    {"sentinel_with_other_settings",
     false,
     [](ShardView& v) { v.sentinels[1].down_after_ms = 30'000; },
     Diagnosis::ordering,
     {"sentinel 127.0.0.1:26002 set"}},
    {"sentinel_does_not_answer",
     false,
     [](ShardView& v) { v.sentinels[1].reachable = false; },
     Diagnosis::sentinel_missing,
     {}},
    {"one_sentinel_lags",
     false,
     [](ShardView& v) {
       v.sentinels[1] = sentinel(at(26002), kReplica), v.sentinels[1].master_since_ms = kNow - 1'000;
     },
     Diagnosis::master_moving,
     {}},
    {"one_sentinel_lags_for_long",
     false,
     [](ShardView& v) {
       v.sentinels[1] = sentinel(at(26002), kReplica), v.sentinels[1].master_since_ms = kNow - 30'000;
     },
     Diagnosis::master_moving,
     {"sentinel 127.0.0.1:26002 remove orders/s1"}},

    {"surplus_keeper",
     false,
     [](ShardView& v) {
       v.keeper_hosts["kh-3"] = at(8003), v.registrations.push_back({"kh-3", at(7003), "u3"});
     },
     Diagnosis::ordering,
     {"delete keeper on kh-3"}},
    {"intent_differs",
     false,
     [](ShardView& v) { v.cluster.active_dc = "west"; },
     Diagnosis::intent_differs,
     {}},
};
INSTANTIATE_TEST_SUITE_P(active_dc, Decides, testing::ValuesIn(kActiveDc),
                         [](const auto& info) { return info.param.name; });

const std::vector<Case> kBackupDc = {
    {"healthy", true, [](ShardView&) {}, Diagnosis::healthy, {}},
    {"first_of_all",
     true,
     [](ShardView& v) { v.state.reset(); },
     Diagnosis::taking_over,
     {"record state at epoch 3.1"}},
    {"nobody_names_the_upstream",
     true,
     [](ShardView& v) { v.state->upstream.reset(), v.upstream_keeper.reset(); },
     Diagnosis::no_upstream,
     {}},
    {"the_consoles_hint_will_do",
     true,
     [](ShardView& v) {
       v.state->upstream.reset(), v.upstream_keeper.reset(), v.shard.upstream_keeper = kBackup;
     },
     Diagnosis::recording,
     {"record state at epoch 3.6"}},
    {"the_peer_knows_better_than_the_hint",
     true,
     [](ShardView& v) { v.shard.upstream_keeper = kBackup; },
     Diagnosis::healthy,
     {}},
    {"the_upstream_moves",
     true,
     [](ShardView& v) { v.upstream_keeper->address = kBackup; },
     Diagnosis::recording,
     {"record state at epoch 3.6"}},
    {"an_answer_of_another_dc_is_not_the_upstream",
     true,
     [](ShardView& v) { v.upstream_keeper = PeerKeeper{"north", at(1)}; },
     Diagnosis::healthy,
     {}},
    {"peers_silent_keeps_the_recorded_upstream",
     true,
     [](ShardView& v) { v.upstream_keeper.reset(); },
     Diagnosis::healthy,
     {}},
    {"fresh_redises_follow_the_keeper",
     true,
     [](ShardView& v) { v.redises = {fresh_redis(kWestRedis), fresh_redis(kWestOther)}; },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6101 at 127.0.0.1:7101", "point redis 127.0.0.1:6102 at 127.0.0.1:7101"}},
    {"but_only_once_the_keeper_has_its_order",
     true,
     [](ShardView& v) {
       v.redises = {fresh_redis(kWestRedis), fresh_redis(kWestOther)};
       v.keepers[0].report->state = model::KeeperState::unknown;
     },
     Diagnosis::ordering,
     {"set keeper 127.0.0.1:7101 ACTIVE upstream 127.0.0.1:7001 epoch 3.5"}},
    {"a_master_with_data_is_never_re_pointed",
     true,
     [](ShardView& v) {
       v.redises[0] = redis(kWestRedis, RedisRole::master), v.redises[0].role_since_ms = 0;
     },
     Diagnosis::stray_master,
     {}},
    {"a_restarted_replica_with_nothing_of_its_own",
     true,
     [](ShardView& v) {
       v.redises[0] = redis(kWestRedis, RedisRole::master);
       v.redises[0].replid = kForeign, v.redises[0].replid2 = kHistory,
       v.redises[0].second_offset = kOffset + 1;
     },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6101 at 127.0.0.1:7101"}},
    {"a_restarted_replica_that_was_written_to",
     true,
     [](ShardView& v) {
       v.redises[0] = redis(kWestRedis, RedisRole::master);
       v.redises[0].replid = kForeign, v.redises[0].replid2 = kHistory,
       v.redises[0].second_offset = kOffset - 9;
     },
     Diagnosis::stray_master,
     {}},
    {"active_keeper_dies",
     true,
     [](ShardView& v) { kill_keeper(v.keepers[0]); },
     Diagnosis::recording,
     {"record state at epoch 3.6"}},
    {"redises_follow_the_successor",
     true,
     [](ShardView& v) {
       kill_keeper(v.keepers[0]);
       v.keeper_hosts.clear();
       v.state->active_keeper = kWestBackup;
       v.keepers[1] = keeper(kWestBackup, true, kKeeper, v.state->epoch);
     },
     Diagnosis::ordering,
     {"point redis 127.0.0.1:6101 at 127.0.0.1:7102", "point redis 127.0.0.1:6102 at 127.0.0.1:7102"}},
    {"sentinels_forget_the_shard",
     true,
     [](ShardView& v) { v.sentinels[0] = sentinel(at(26101), kWestRedis); },
     Diagnosis::ordering,
     {"sentinel 127.0.0.1:26101 remove orders/s1"}},
    {"a_third_dc_follows_the_intent",
     true,
     [](ShardView& v) { v.cluster.active_dc = "north", v.cluster.cluster_epoch = 4; },
     Diagnosis::recording,
     {"record state at epoch 4.6"}},
    {"but_not_with_an_old_epoch",
     true,
     [](ShardView& v) { v.cluster.active_dc = "north"; },
     Diagnosis::intent_differs,
     {}},
    {"keeper_without_link",
     true,
     [](ShardView& v) { v.keepers[0].report->link = "connecting"; },
     Diagnosis::syncing,
     {}},
};
INSTANTIATE_TEST_SUITE_P(backup_dc, Decides, testing::ValuesIn(kBackupDc),
                         [](const auto& info) { return info.param.name; });

TEST(ShardDecision, holds_still_during_a_switch_until_its_facts_are_recorded) {
  using enum model::SwitchStep;
  const std::vector<model::SwitchStep> held = {locked, unmonitored, freezing, frozen,  fencing,
                                               fenced, restoring,   draining, drained, committed};
  for (const auto step : held) {
    ShardView view = healthy_east();
    kill_keeper(view.keepers[0]);
    view.redises[1].upstream = at(9999);
    for (auto& one : view.sentinels) one = sentinel(one.address, std::nullopt);
    view.state->switching = switch_at(step, true);
    const Decision decision = decide(view, Policy{});
    EXPECT_EQ(decision.diagnosis, Diagnosis::switching);
    EXPECT_THAT(decision.actions, IsEmpty()) << model::to_string(step);
  }
}

TEST(ShardDecision, taking_over_during_a_switch_keeps_the_record) {
  ShardView view = healthy_east();
  view.state->switching = switch_at(model::SwitchStep::fenced, true);
  view.taken = false;
  const auto records = only<RecordState>(decide(view, Policy{}).actions);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].next.switching, view.state->switching);
  EXPECT_EQ(records[0].next.epoch, (Epoch{3, 6}));
}

ShardView promoted_west() {
  ShardView view = healthy_west();
  view.state->active_dc = "west";
  view.state->epoch = {4, 8};
  view.state->master = view.state->upstream = kWestRedis;
  view.state->switching = switch_at(model::SwitchStep::promoted, false);
  view.redises[0] = redis(kWestRedis, RedisRole::master);
  view.redises[0].replid = kNewHistory;
  return view;
}

TEST(ShardDecision, a_promoted_target_attaches_its_keepers_replicas_and_sentinels) {
  EXPECT_THAT(texts(decide(promoted_west(), Policy{}).actions),
              ElementsAre("set keeper 127.0.0.1:7101 ACTIVE upstream 127.0.0.1:6101 epoch 4.8",
                          "set keeper 127.0.0.1:7102 BACKUP upstream 127.0.0.1:7101 epoch 4.8",
                          "point redis 127.0.0.1:6102 at 127.0.0.1:6101",
                          "sentinel 127.0.0.1:26101 monitor 127.0.0.1:6101",
                          "sentinel 127.0.0.1:26102 monitor 127.0.0.1:6101",
                          "sentinel 127.0.0.1:26103 monitor 127.0.0.1:6101"));
}

TEST(ShardDecision, a_replica_drains_where_it_is_before_it_moves) {
  ShardView view = promoted_west();
  view.redises[1].offset = kOffset - 1;
  EXPECT_THAT(only<PointRedis>(decide(view, Policy{}).actions), IsEmpty());
  view.redises[1].offset = kOffset;
  EXPECT_EQ(only<PointRedis>(decide(view, Policy{}).actions).size(), 1u);
}

TEST(ShardDecision, a_following_source_hangs_everybody_below_its_keeper) {
  ShardView view = healthy_east();
  view.state->active_dc = "west";
  view.state->epoch = {4, 8};
  view.state->master.reset();
  view.state->upstream = kWestKeeper;
  view.upstream_keeper = PeerKeeper{"west", kWestKeeper};
  view.state->switching = switch_at(model::SwitchStep::following, true);
  view.redises[0] = redis(kMaster, RedisRole::replica, kKeeper);
  view.keepers[0] = keeper(kKeeper, true, kWestKeeper, view.state->epoch);
  view.keepers[1] = keeper(kBackup, false, kKeeper, view.state->epoch);
  for (auto& one : view.sentinels) one = sentinel(one.address, std::nullopt);
  EXPECT_THAT(texts(decide(view, Policy{}).actions),
              ElementsAre("point redis 127.0.0.1:6002 at 127.0.0.1:7001"));
}

TEST(ShardDecision, one_epoch_never_carries_two_orders) {
  // Whatever changes in what keepers are told changes the epoch with it.
  for (const auto& table : {kActiveDc, kBackupDc})
    for (const auto& one : table) {
      ShardView view = one.west ? healthy_west() : healthy_east();
      one.spoil(view);
      if (!view.state) continue;
      for (const auto& record : only<RecordState>(decide(view, Policy{}).actions)) {
        EXPECT_GT(record.next.epoch, view.state->epoch) << one.name;
      }
    }
}

TEST(ShardDecision, what_is_to_be_recorded_comes_first_and_without_orders) {
  for (const auto& table : {kActiveDc, kBackupDc})
    for (const auto& one : table) {
      ShardView view = one.west ? healthy_west() : healthy_east();
      one.spoil(view);
      const auto actions = decide(view, Policy{}).actions;
      if (only<RecordState>(actions).empty()) continue;
      EXPECT_TRUE(std::holds_alternative<RecordState>(actions.front())) << one.name;
      EXPECT_THAT(only<SetKeeperState>(actions), IsEmpty()) << one.name;
      EXPECT_THAT(only<PointRedis>(actions), IsEmpty()) << one.name;
    }
}

TEST(ShardDecision, keepers_learn_the_members_and_whether_they_serve_the_active_dc) {
  ShardView view = healthy_east();
  view.keepers[0].report->state = model::KeeperState::unknown;
  const auto orders = only<SetKeeperState>(decide(view, Policy{}).actions);
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_TRUE(orders[0].active_dc);
  EXPECT_THAT(orders[0].members, ElementsAre(kMaster, kReplica));
  view = healthy_west();
  view.keepers[0].report->state = model::KeeperState::unknown;
  EXPECT_FALSE(only<SetKeeperState>(decide(view, Policy{}).actions).at(0).active_dc);
}

}  // namespace
}  // namespace penstock::metaserver::test
