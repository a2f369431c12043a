#include "metaserver/core/switch_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/metaserver/switch_world.h"

namespace penstock::metaserver::test {
namespace {

using model::SwitchStep;
using testing::ElementsAre;

std::string text(const std::optional<SwitchMove>& move) {
  if (!move) return "died";
  if (const auto* refused = std::get_if<Refuse>(&*move))
    return "refuse " + refused->code + ": " + refused->why;
  if (const auto* waits = std::get_if<Wait>(&*move)) return "wait " + waits->why;
  return "done";
}
std::string code(const std::optional<SwitchMove>& move) {
  const auto* refused = move ? std::get_if<Refuse>(&*move) : nullptr;
  return refused ? refused->code : text(move);
}

/// Runs the first `count` steps, each to its end.
void advance(SwitchWorld& world, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto& step = kWholeSwitch[i];
    ASSERT_EQ(text(world.run(step.verb, step.source)), "done") << to_string(step.verb);
  }
}

TEST(Switch, moves_the_writable_place) {
  SwitchWorld world;
  advance(world, kWholeSwitch.size());
  EXPECT_FALSE(world.east.state->switching);
  EXPECT_FALSE(world.west.state->switching);
  EXPECT_EQ(world.east.state->active_dc, "west");
  EXPECT_EQ(world.west.state->active_dc, "west");
  EXPECT_EQ(world.west.state->master, kWestRedis);
  EXPECT_EQ(world.east.state->master, std::nullopt);
  EXPECT_EQ(world.east.state->upstream, kWestKeeper);
  EXPECT_EQ(world.east.state->epoch.cluster, 4u);
  EXPECT_EQ(world.west.state->epoch.cluster, 4u);
  EXPECT_EQ(world.writable_masters(), 1);
  EXPECT_THAT(
      world.log,
      ElementsAre("remove", "remove", "remove", "arm hand-over at 127.0.0.1:7001 epoch 4.6",
                  "failover 127.0.0.1:6001 to 127.0.0.1:7001", "accept", "rewrite config of 127.0.0.1:6001",
                  "promote 127.0.0.1:6101", "rewrite config of 127.0.0.1:6101"));
}

/// The old master has no FAILOVER.
SwitchWorld paused_world() {
  SwitchWorld world;
  world.has_failover = false;
  return world;
}

TEST(SwitchByPause, moves_the_writable_place) {
  SwitchWorld world = paused_world();
  advance(world, kWholeSwitch.size());
  EXPECT_EQ(world.west.state->master, kWestRedis);
  EXPECT_EQ(world.writable_masters(), 1);
  EXPECT_FALSE(world.pause_holds);
  EXPECT_EQ(world.ping_period_s, 10) << "as it was";
  EXPECT_THAT(
      world.log,
      ElementsAre(
          "remove", "remove", "remove", "arm hand-over at 127.0.0.1:7001 epoch 4.6",
          "failover 127.0.0.1:6001 to 127.0.0.1:7001", "arm hand-over at 127.0.0.1:7001 epoch 4.6",
          "pause writes of 127.0.0.1:6001 for 17000 ms", "pause writes of 127.0.0.1:6001 for 17000 ms",
          "hold hand-over at 127.0.0.1:7001 at offset 5000", "accept",
          "pause writes of 127.0.0.1:6001 for 17000 ms", "point frozen 127.0.0.1:6001 at 127.0.0.1:7001",
          "rewrite config of 127.0.0.1:6001", "promote 127.0.0.1:6101", "rewrite config of 127.0.0.1:6101"));
}

TEST(SwitchByPause, the_freeze_waits_for_the_keeper_to_have_all_of_it) {
  SwitchWorld world = paused_world();
  advance(world, 3);
  world.holder().offset = kOffset - 1;
  EXPECT_THAT(text(world.run(SwitchVerb::freeze, true)), testing::HasSubstr("wait the keeper is at"));
  EXPECT_EQ(world.holder().handover, model::HandoverState::armed);
}

TEST(SwitchByPause, what_was_written_after_the_pause_ended_is_kept) {
  SwitchWorld world = paused_world();
  advance(world, 5);
  world.old_master().offset += 7;  // a clock jumped, and clients wrote
  EXPECT_EQ(code(world.run(SwitchVerb::fence, true)), "pause_ended");
  EXPECT_EQ(text(world.run(SwitchVerb::restore, true)), "done");
  EXPECT_EQ(world.writable_masters(), 1);
  EXPECT_EQ(world.old_master().role, RedisRole::master) << "it was never pointed at the keeper";
  EXPECT_FALSE(world.pause_holds);
}

TEST(SwitchByPause, restore_gives_the_writes_back_from_every_step) {
  for (const std::size_t steps : {4, 5}) {
    SwitchWorld world = paused_world();
    advance(world, steps);
    EXPECT_EQ(text(world.run(SwitchVerb::restore, true)), "done");
    EXPECT_FALSE(world.pause_holds);
    EXPECT_EQ(world.ping_period_s, 10);
    EXPECT_EQ(world.holder().handover, model::HandoverState::none);
    EXPECT_FALSE(world.east.state->switching);
  }
}

TEST(Switch, freeze_drain_and_commit_answer_their_values) {
  SwitchWorld world;
  advance(world, 3);
  const auto frozen = world.run(SwitchVerb::freeze, true);
  EXPECT_EQ(std::get<Done>(*frozen).replid, kHistory);
  EXPECT_EQ(std::get<Done>(*frozen).offset, kOffset);
  const auto drained = world.run(SwitchVerb::drain, false);
  EXPECT_EQ(std::get<Done>(*drained).candidate, kWestRedis);
  ASSERT_EQ(text(world.run(SwitchVerb::fence, true)), "done");
  EXPECT_EQ(std::get<Done>(*world.run(SwitchVerb::commit, false)).decision, "COMMIT");
}

TEST(Switch, a_repeated_step_answers_the_same_and_does_nothing) {
  for (std::size_t count = 1; count <= kWholeSwitch.size(); ++count) {
    SwitchWorld world;
    advance(world, count);
    const auto& last = kWholeSwitch[count - 1];
    const auto log = world.log;
    const auto east = world.east.state, west = world.west.state;
    const auto first_answer = world.run(last.verb, last.source);
    EXPECT_EQ(world.log, log) << to_string(last.verb);
    EXPECT_EQ(world.east.state, east);
    EXPECT_EQ(world.west.state, west);
    // Locking again after the end is another switch, and this one's epoch is spent.
    EXPECT_EQ(text(first_answer), "done") << to_string(last.verb);
  }
}

/// By FAILOVER, and by CLIENT PAUSE.
struct Freeze {
  bool has_failover;
  SwitchWorld world() const { return has_failover ? SwitchWorld() : paused_world(); }
};
class SwitchEitherWay : public testing::TestWithParam<Freeze> {};
INSTANTIATE_TEST_SUITE_P(, SwitchEitherWay, testing::Values(Freeze{true}, Freeze{false}),
                         [](const auto& info) { return info.param.has_failover ? "failover" : "pause"; });

TEST_P(SwitchEitherWay, resumes_after_any_interruption) {
  for (int moves = 0;; ++moves) {
    SwitchWorld world = GetParam().world();
    world.moves_left = moves;
    bool died = false;
    for (const auto& step : kWholeSwitch) {
      auto answer = world.run(step.verb, step.source);
      if (!answer) {
        died = true;
        world.moves_left = 1'000;  // another owner, asked again
        answer = world.run(step.verb, step.source);
      }
      ASSERT_EQ(text(answer), "done") << "cut after " << moves << " moves, at " << to_string(step.verb);
      ASSERT_LE(world.writable_masters(), 1) << "cut after " << moves;
    }
    EXPECT_EQ(world.west.state->master, kWestRedis);
    EXPECT_EQ(world.west.redises[0].second_offset, kOffset + 1);
    EXPECT_FALSE(world.pause_holds);
    EXPECT_EQ(world.ping_period_s, 10);
    if (!died) break;
    ASSERT_LT(moves, 100);
  }
}

TEST_P(SwitchEitherWay, any_prefix_before_commit_can_be_taken_back) {
  constexpr std::size_t kCommit = 6;
  for (std::size_t count = 0; count <= kCommit; ++count)
    for (int moves = 0; moves < 40; ++moves) {
      SwitchWorld world = GetParam().world();
      advance(world, count);
      world.moves_left = moves;
      if (count < kCommit) (void)world.run(kWholeSwitch[count].verb, kWholeSwitch[count].source);
      world.moves_left = 1'000;
      ASSERT_EQ(text(world.run(SwitchVerb::abort, false)), "done") << count << "/" << moves;
      ASSERT_EQ(text(world.run(SwitchVerb::restore, true)), "done") << count << "/" << moves;
      EXPECT_FALSE(world.east.state->switching);
      EXPECT_FALSE(world.west.state->switching);
      EXPECT_EQ(world.east.state->active_dc, "east");
      EXPECT_EQ(world.west.state->active_dc, "east");
      EXPECT_EQ(world.east.state->master, kMaster);
      EXPECT_TRUE(world.is_writable(world.old_master())) << count << "/" << moves;
      EXPECT_EQ(world.writable_masters(), 1);
      EXPECT_FALSE(world.pause_holds) << count << "/" << moves;
      EXPECT_EQ(world.ping_period_s, 10);
      EXPECT_NE(text(world.run(SwitchVerb::commit, false)), "done");
    }
}

TEST_P(SwitchEitherWay, taking_back_survives_any_interruption) {
  for (int moves = 0; moves < 20; ++moves) {
    SwitchWorld world = GetParam().world();
    advance(world, 6);
    world.moves_left = moves;
    if (!world.run(SwitchVerb::abort, false)) {
      world.moves_left = 1'000;
      ASSERT_EQ(text(world.run(SwitchVerb::abort, false)), "done");
    }
    if (!world.run(SwitchVerb::restore, true)) {
      world.moves_left = 1'000;
      ASSERT_EQ(text(world.run(SwitchVerb::restore, true)), "done") << moves;
    }
    EXPECT_TRUE(world.is_writable(world.old_master()));
    EXPECT_EQ(world.old_master().second_offset, kOffset + 1) << "partial resync for everybody below";
  }
}

TEST(Switch, after_commit_there_is_no_way_back) {
  for (std::size_t count = 7; count < kWholeSwitch.size() - 2; ++count) {
    SwitchWorld world;
    advance(world, count);
    EXPECT_EQ(code(world.run(SwitchVerb::abort, false)), "committed");
    EXPECT_NE(text(world.run(SwitchVerb::restore, true)), "done");
    EXPECT_EQ(world.old_master().role, RedisRole::replica);
  }
}

TEST(Switch, a_fenced_source_waits_for_the_word_of_the_target) {
  SwitchWorld world;
  advance(world, 6);
  EXPECT_EQ(code(world.run(SwitchVerb::restore, true)), "undecided");
  EXPECT_EQ(code(world.run(SwitchVerb::follow, true)), "undecided");
  world.decision = KnownDecision::unknown;
  EXPECT_EQ(code(world.run(SwitchVerb::restore, true)).substr(0, 4), "wait");
  EXPECT_EQ(world.old_master().role, RedisRole::replica);
  world.decision = KnownDecision::commit;
  EXPECT_EQ(code(world.run(SwitchVerb::restore, true)), "committed");
  world.decision = KnownDecision::abort;
  EXPECT_EQ(code(world.run(SwitchVerb::follow, true)), "aborted");
  EXPECT_EQ(text(world.run(SwitchVerb::restore, true)), "done");
}

TEST(Switch, abort_wins_against_a_later_commit) {
  SwitchWorld world;
  advance(world, 6);
  world.decision = KnownDecision::abort;
  EXPECT_EQ(code(world.run(SwitchVerb::commit, false)), "aborted");
  EXPECT_EQ(world.west.state->active_dc, "east");
}

TEST(Switch, abort_is_decided_even_where_nothing_was_locked) {
  SwitchWorld world;
  EXPECT_EQ(text(world.run(SwitchVerb::abort, false)), "done");
  EXPECT_EQ(world.decision, KnownDecision::abort);
}

struct Refusal {
  std::string name;
  std::size_t after;  ///< steps done before
  SwitchVerb verb;
  bool source;
  std::function<void(SwitchWorld&, SwitchRequest&)> spoil;
  std::string code;
};
class SwitchRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(SwitchRefuses, with_a_code) {
  SwitchWorld world;
  advance(world, GetParam().after);
  SwitchRequest request = world.request(GetParam().verb, GetParam().source);
  if (GetParam().spoil) GetParam().spoil(world, request);
  const auto move = world.run(request);
  EXPECT_EQ(code(move), GetParam().code) << text(move);
}

const std::vector<Refusal> kRefusals = {
    {"an_epoch_that_is_not_higher", 0, SwitchVerb::lock, true, [](auto&, auto& r) { r.epoch = 3; },
     "stale_epoch"},
    {"an_epoch_that_is_lower", 1, SwitchVerb::drain, false, [](auto&, auto& r) { r.epoch = 3; },
     "stale_epoch"},
    {"a_higher_epoch_without_lock", 0, SwitchVerb::freeze, true, {}, "not_locked"},
    {"another_operation", 2, SwitchVerb::freeze, true, [](auto&, auto& r) { r.operation = "op-2"; },
     "switch_under_way"},
    {"another_lock", 2, SwitchVerb::lock, true, [](auto&, auto& r) { r.operation = "op-2", r.epoch = 5; },
     "switch_under_way"},
    {"the_wrong_dc", 0, SwitchVerb::lock, true,
     [](auto&, auto& r) { r.source_dc = "west", r.target_dc = "east"; }, "wrong_dc"},
    {"a_source_that_is_not_active", 0, SwitchVerb::lock, true,
     [](auto& w, auto&) { w.east.state->active_dc = "west"; }, "wrong_source"},
    {"a_source_without_master", 0, SwitchVerb::lock, true,
     [](auto& w, auto&) { w.east.state->master.reset(); }, "not_ready"},
    {"a_step_of_the_other_side", 2, SwitchVerb::drain, true, {}, "wrong_side"},
    {"freeze_before_unmonitor", 2, SwitchVerb::freeze, true, {}, "out_of_order"},
    {"fence_before_freeze", 3, SwitchVerb::fence, true, {}, "out_of_order"},
    {"drain_without_a_frozen_offset", 4, SwitchVerb::drain, false, [](auto&, auto& r) { r.replid.clear(); },
     "not_frozen"},
    {"commit_before_drain", 4, SwitchVerb::commit, false, {}, "out_of_order"},
    {"promote_before_commit", 6, SwitchVerb::promote, false, {}, "out_of_order"},
    {"attach_before_promote", 7, SwitchVerb::attach, false, {}, "out_of_order"},
    {"follow_before_fence", 5, SwitchVerb::follow, true, {}, "out_of_order"},
    {"unlock_in_the_middle", 6, SwitchVerb::unlock, true, {}, "out_of_order"},
    {"unlock_of_a_target_in_the_middle", 7, SwitchVerb::unlock, false, {}, "out_of_order"},
    {"a_sentinel_that_cannot_be_told", 2, SwitchVerb::unmonitor, true,
     [](auto& w, auto&) { w.east.sentinels[2].reachable = false; }, "sentinel_unreachable"},
    {"a_target_replica_beyond_the_freeze", 4, SwitchVerb::drain, false,
     [](auto& w, auto&) { w.west.redises[1].offset++; }, "offset_beyond_freeze"},
    {"a_candidate_that_is_gone", 6, SwitchVerb::commit, false,
     [](auto& w, auto&) { kill_redis(w.west.redises[0]); }, "candidate_lost"},
    {"a_candidate_that_moved", 6, SwitchVerb::commit, false,
     [](auto& w, auto&) { w.west.redises[0].offset++; }, "candidate_lost"},
    {"a_promotion_at_another_offset", 7, SwitchVerb::promote, false,
     [](auto& w, auto&) {
       w.west.redises[0].role = RedisRole::master;
       w.west.redises[0].replid2 = kHistory;
       w.west.redises[0].second_offset = kOffset;
     },
     "promotion_mismatch"},
    {"a_full_sync_on_the_way", 0, SwitchVerb::verify, true, [](auto&, auto&) {}, "not_locked"},
};
INSTANTIATE_TEST_SUITE_P(, SwitchRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& info) { return info.param.name; });

TEST(Switch, a_hand_over_whose_time_passed_gives_the_master_back) {
  SwitchWorld world;
  advance(world, 5);
  world(AbortHandover{kKeeper});
  EXPECT_EQ(code(world.run(SwitchVerb::fence, true)), "handover_lost");
  EXPECT_EQ(text(world.run(SwitchVerb::restore, true)), "done")
      << "it was never fenced: nobody needs to be asked";
}

TEST(Switch, a_failover_that_ends_is_not_begun_again_by_the_same_request) {
  SwitchWorld world;
  advance(world, 3);
  auto request = world.request(SwitchVerb::freeze, true);
  auto facts = world.facts(true, true, false);
  facts.view.state->switching->step = SwitchStep::freezing;
  EXPECT_EQ(code(next_move(request, facts, Policy{})), "failover_ended");
}

TEST(Switch, a_freeze_waits_for_a_keeper_and_a_master_that_do_not_answer_just_now) {
  for (const bool keeper : {true, false}) {
    SwitchWorld world;
    advance(world, 3);
    if (keeper) {
      kill_keeper(world.east.keepers[0]);
    } else {
      kill_redis(world.east.redises[0]);
    }
    auto facts = world.facts(true, false, false);
    facts.view.state->switching->step = SwitchStep::freezing;
    const auto move = next_move(world.request(SwitchVerb::freeze, true), facts, Policy{});
    EXPECT_TRUE(std::holds_alternative<Wait>(move)) << text(move);
  }
}

struct FenceFlaw {
  std::string name;
  std::function<void(RedisObservation&)> spoil;
};
class Fence : public testing::TestWithParam<FenceFlaw> {};
TEST_P(Fence, holds_only_when_all_of_it_holds) {
  SwitchWorld world;
  advance(world, 5);
  world.east.state->switching->step = SwitchStep::fencing;
  world(AcceptHandover{kKeeper});
  GetParam().spoil(world.old_master());
  const auto move =
      next_move(world.request(SwitchVerb::fence, true), world.facts(true, false, true), Policy{});
  EXPECT_TRUE(std::holds_alternative<Wait>(move)) << text(move);
}
const std::vector<FenceFlaw> kFlaws = {
    {"role", [](auto& r) { r.role = RedisRole::master; }},
    {"failover_state", [](auto& r) { r.failover_state = "failover-in-progress"; }},
    {"link", [](auto& r) { r.link_up = false; }},
    {"upstream", [](auto& r) { r.upstream = kBackup; }},
    {"offset_behind", [](auto& r) { r.offset--; }},
    {"offset_ahead", [](auto& r) { r.offset++; }},
    {"unreachable", [](auto& r) { r.reachable = false; }},
};
INSTANTIATE_TEST_SUITE_P(, Fence, testing::ValuesIn(kFlaws),
                         [](const auto& info) { return info.param.name; });

TEST(Switch, the_candidate_dies_after_commit_and_another_takes_its_place) {
  SwitchWorld world;
  advance(world, 7);
  kill_redis(world.west.redises[0]);
  EXPECT_EQ(text(world.run(SwitchVerb::promote, false)), "done");
  EXPECT_EQ(world.west.state->master, kWestOther);
  EXPECT_EQ(world.west.state->switching->candidate, kWestOther);
  EXPECT_EQ(world.west.redises[1].second_offset, kOffset + 1);
}

TEST(Switch, a_target_replica_that_lags_is_waited_for) {
  SwitchWorld world;
  advance(world, 4);
  for (auto& one : world.west.redises) one.offset = kOffset - 10;
  EXPECT_EQ(text(world.run(SwitchVerb::drain, false)).substr(0, 4), "wait");
  EXPECT_EQ(world.west.state->switching->step, SwitchStep::draining);
  world.west.redises[1].offset = kOffset;
  const auto drained = world.run(SwitchVerb::drain, false);
  EXPECT_EQ(std::get<Done>(*drained).candidate, kWestOther);
}

TEST(Switch, verify_refuses_when_somebody_did_a_full_sync) {
  SwitchWorld world;
  advance(world, 11);
  auto facts = world.facts(true, false, false);
  facts.full_syncs = {"redis 127.0.0.1:6002 took a full sync"};
  EXPECT_EQ(code(next_move(world.request(SwitchVerb::verify, true), facts, Policy{})), "full_sync");
}

struct Healing {
  std::string name;
  SwitchStep step;
  bool source;
  std::int64_t age_ms;
  KnownDecision decision;
  bool settled;
  std::optional<SwitchVerb> verb;
};
class SelfHealing : public testing::TestWithParam<Healing> {};
TEST_P(SelfHealing, finishes_without_a_console) {
  model::SwitchRecord record;
  record.step = GetParam().step;
  record.is_source = GetParam().source;
  EXPECT_EQ(self_healing(record, GetParam().age_ms, GetParam().decision, GetParam().settled, Policy{}),
            GetParam().verb);
}
constexpr auto kUnknown = KnownDecision::unknown;
const std::vector<Healing> kHealing = {
    {"locked_source_waits", SwitchStep::locked, true, 29'999, kUnknown, false, {}},
    {"locked_source_restores", SwitchStep::locked, true, 30'000, kUnknown, false, SwitchVerb::restore},
    {"unmonitored", SwitchStep::unmonitored, true, 30'000, kUnknown, false, SwitchVerb::restore},
    {"freezing", SwitchStep::freezing, true, 30'000, kUnknown, false, SwitchVerb::restore},
    {"frozen", SwitchStep::frozen, true, 30'000, kUnknown, false, SwitchVerb::restore},
    {"fencing_goes_on", SwitchStep::fencing, true, 1'000, kUnknown, false, SwitchVerb::fence},
    {"fenced_without_a_word", SwitchStep::fenced, true, 1'000'000, kUnknown, false, {}},
    {"fenced_undecided", SwitchStep::fenced, true, 1'000'000, KnownDecision::none, false, {}},
    {"fenced_commit", SwitchStep::fenced, true, 0, KnownDecision::commit, false, SwitchVerb::follow},
    {"fenced_abort", SwitchStep::fenced, true, 0, KnownDecision::abort, false, SwitchVerb::restore},
    {"restoring_goes_on", SwitchStep::restoring, true, 1'000, kUnknown, false, SwitchVerb::restore},
    {"locked_target_aborts", SwitchStep::locked, false, 30'000, kUnknown, false, SwitchVerb::abort},
    {"draining", SwitchStep::draining, false, 30'000, kUnknown, false, SwitchVerb::abort},
    {"drained", SwitchStep::drained, false, 30'000, kUnknown, false, SwitchVerb::abort},
    {"drained_waits", SwitchStep::drained, false, 29'999, kUnknown, false, {}},
    {"committed_promotes", SwitchStep::committed, false, 1'000, kUnknown, false, SwitchVerb::promote},
    {"promoted_unsettled", SwitchStep::promoted, false, 1'000'000, kUnknown, false, {}},
    {"promoted_settled", SwitchStep::promoted, false, 60'000, kUnknown, true, SwitchVerb::unlock},
    {"following_settled", SwitchStep::following, true, 60'000, kUnknown, true, SwitchVerb::unlock},
    {"following_young", SwitchStep::following, true, 59'999, kUnknown, true, {}},
};
INSTANTIATE_TEST_SUITE_P(, SelfHealing, testing::ValuesIn(kHealing),
                         [](const auto& info) { return info.param.name; });

TEST(SwitchVerb, words_go_both_ways) {
  for (const auto& step : kWholeSwitch) {
    const auto parsed = parse_switch_verb(to_string(step.verb));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed.value(), step.verb);
  }
  EXPECT_FALSE(parse_switch_verb("leap"));
}

}  // namespace
}  // namespace penstock::metaserver::test
