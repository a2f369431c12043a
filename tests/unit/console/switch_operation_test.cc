#include "console/core/switch_operation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::console {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Answer ok() {
  Answer answer;
  answer.ok = true;
  answer.status = 200;
  return answer;
}
Answer lost() {
  Answer answer;
  answer.code = "timeout";
  answer.detail = "no answer in time";
  return answer;
}
Answer refused(int status, std::string code) {
  Answer answer;
  answer.status = status;
  answer.code = std::move(code);
  answer.detail = "it says no";
  return answer;
}
Answer decided(std::string decision) {
  Answer answer = ok();
  answer.decision = std::move(decision);
  return answer;
}

std::string text(const Call& call) {
  return std::string(call.side == Side::source ? "source " : "target ") + call.step;
}

/// The calls that are still to come when all of them succeed.
std::vector<std::string> rest_of(ShardSwitch& shard) {
  std::vector<std::string> calls;
  while (const auto call = next_call(shard, false)) {
    calls.push_back(text(*call));
    if (!take_answer(shard, *call, call->step == "decision" ? decided("NONE") : ok()))
      ADD_FAILURE() << "a success is waited on";
    if (calls.size() > 50) return calls;
  }
  return calls;
}

/// A shard that stands before its call number `next`, everything before having worked.
ShardSwitch standing_before(std::size_t next) {
  ShardSwitch shard;
  shard.shard = "s1";
  while (shard.next < next) {
    const auto call = next_call(shard, false);
    take_answer(shard, *call, ok());
  }
  return shard;
}

std::vector<std::string> plan_from(std::size_t first) {
  std::vector<std::string> calls;
  for (std::size_t i = first; i < switch_plan().size(); ++i) calls.push_back(text(switch_plan()[i]));
  return calls;
}

TEST(SwitchPlan, Order) {
  EXPECT_THAT(plan_from(0), ElementsAre("target lock", "source lock", "source unmonitor", "source freeze",
                                        "target drain", "source fence", "target commit", "target promote",
                                        "target attach", "source follow", "target monitor", "target verify",
                                        "source verify", "target unlock", "source unlock"));
  EXPECT_EQ(switch_plan()[commit_index()].step, "commit");
}

TEST(SwitchShard, GoesTheWholeWay) {
  ShardSwitch shard;
  EXPECT_EQ(rest_of(shard), plan_from(0));
  EXPECT_EQ(shard.course, Course::done);
  EXPECT_EQ(shard.error, "");
  EXPECT_EQ(next_call(shard, false), std::nullopt);
  EXPECT_EQ(next_call(shard, true), std::nullopt) << "done stays done";
}

TEST(SwitchShard, KeepsWhatStepsTell) {
  ShardSwitch shard = standing_before(3);
  Answer frozen = ok();
  frozen.replid = "abc";
  frozen.offset = 0;
  take_answer(shard, *next_call(shard, false), frozen);
  Answer drained = ok();
  drained.candidate = "127.0.0.1:6381";
  take_answer(shard, *next_call(shard, false), drained);
  rest_of(shard);
  EXPECT_EQ(shard.replid, "abc");
  EXPECT_EQ(shard.offset, 0);
  EXPECT_EQ(shard.candidate, "127.0.0.1:6381");
}

/// A failure of every step before commit, of every kind: back, and only to the sides that may hold something.
TEST(SwitchShard, FailureBeforeCommitTurnsBack) {
  for (std::size_t i = 0; i < commit_index(); ++i)
    for (const Answer& failure :
         {lost(), refused(409, "out_of_order"), refused(503, "unavailable"), refused(500, "internal")}) {
      SCOPED_TRACE(text(switch_plan()[i]) + " answers " + std::to_string(failure.status));
      ShardSwitch shard = standing_before(i);
      EXPECT_TRUE(take_answer(shard, *next_call(shard, false), failure));
      EXPECT_EQ(shard.course, Course::back);
      EXPECT_THAT(shard.error, StartsWith(switch_plan()[i].step + ": "));
      // A lock that was refused in so many words is not held; after a lost answer it may be.
      const bool refusal = failure.status == 409;
      std::vector<std::string> back;
      if (i > 0 || !refusal) back.emplace_back("target abort");
      if (i > 1 || (i == 1 && !refusal)) back.emplace_back("source restore");
      EXPECT_EQ(rest_of(shard), back);
      EXPECT_EQ(shard.course, Course::undone);
    }
}

TEST(SwitchShard, FailureBehindCommitIsTriedAgain) {
  for (std::size_t i = commit_index() + 1; i < switch_plan().size(); ++i)
    for (const Answer& failure : {lost(), refused(409, "out_of_order"), refused(404, "not_found"),
                                  refused(409, "aborted"), refused(503, "")}) {
      SCOPED_TRACE(text(switch_plan()[i]) + " answers " + std::to_string(failure.status));
      ShardSwitch shard = standing_before(i);
      for (int n = 0; n < 3; ++n)
        EXPECT_FALSE(take_answer(shard, *next_call(shard, n == 1), failure)) << "waits, then asks again";
      EXPECT_EQ(shard.course, Course::forward);
      EXPECT_EQ(shard.next, i);
      EXPECT_EQ(rest_of(shard), plan_from(i));
      EXPECT_EQ(shard.course, Course::done);
    }
}

TEST(SwitchShard, AFullSyncIsToldAndHoldsNothingUp) {
  for (std::size_t i = 0; i < switch_plan().size(); ++i) {
    if (switch_plan()[i].step != "verify") continue;
    ShardSwitch shard = standing_before(i);
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), refused(409, "full_sync")));
    EXPECT_THAT(shard.error, HasSubstr("verify: "));
    EXPECT_EQ(rest_of(shard), plan_from(i + 1));
    EXPECT_EQ(shard.course, Course::done);
  }
}

TEST(SwitchShard, CommitRefusedBecauseItWasAborted) {
  ShardSwitch shard = standing_before(commit_index());
  EXPECT_TRUE(take_answer(shard, *next_call(shard, false), refused(409, "aborted")));
  EXPECT_THAT(rest_of(shard), ElementsAre("target abort", "source restore"));
  EXPECT_EQ(shard.course, Course::undone);
}

TEST(SwitchShard, CommitWithoutAClearAnswerAsks) {
  for (const Answer& failure : {lost(), refused(503, "unavailable"), refused(504, "timeout"),
                                refused(409, "out_of_order"), refused(500, "")}) {
    ShardSwitch shard = standing_before(commit_index());
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), failure));
    EXPECT_EQ(shard.course, Course::asking) << failure.status;
    const Call decision{Side::target, "decision"};
    EXPECT_EQ(next_call(shard, false), decision);
    EXPECT_EQ(next_call(shard, true), decision) << "what has happened does not depend on others";
    EXPECT_FALSE(take_answer(shard, decision, lost())) << "asks again";
    EXPECT_FALSE(take_answer(shard, decision, refused(503, "unavailable"))) << "asks again";
    EXPECT_EQ(next_call(shard, false), decision);
  }
}

TEST(SwitchShard, TheDecisionDecides) {
  struct Case {
    Answer answer;
    std::vector<std::string> rest;
    Course end;
  };
  const std::vector<std::string> back = {"target abort", "source restore"};
  const std::vector<Case> cases = {
      {decided("COMMIT"), plan_from(commit_index() + 1), Course::done},
      {decided("ABORT"), back, Course::undone},
      {decided("NONE"), back, Course::undone},
      {refused(404, "not_found"), back, Course::undone},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.answer.decision + c.answer.code);
    ShardSwitch shard = standing_before(commit_index());
    take_answer(shard, *next_call(shard, false), lost());
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), c.answer));
    EXPECT_EQ(rest_of(shard), c.rest);
    EXPECT_EQ(shard.course, c.end);
    EXPECT_EQ(shard.error.empty(), c.end == Course::done) << shard.error;
  }
}

TEST(SwitchShard, GoesForwardWhenItMeetsACommitOnTheWayBack) {
  for (const std::size_t answered : {0u, 1u}) {
    ShardSwitch shard = standing_before(commit_index());
    take_answer(shard, *next_call(shard, false), refused(409, "aborted"));
    for (std::size_t i = 0; i < answered; ++i) take_answer(shard, *next_call(shard, false), ok());
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), refused(409, "committed")));
    EXPECT_EQ(rest_of(shard), plan_from(commit_index() + 1));
    EXPECT_EQ(shard.course, Course::done);
    EXPECT_EQ(shard.error, "") << "it has not been turned back";
  }
}

TEST(SwitchShard, TheWayBackIsTriedAgainUntilItWorks) {
  ShardSwitch shard = standing_before(4);
  take_answer(shard, *next_call(shard, false), lost());
  for (const char* step : {"abort", "restore"}) {
    for (const Answer& failure :
         {lost(), refused(503, "unavailable"), refused(409, "undecided"), refused(500, "")}) {
      const auto call = next_call(shard, false);
      ASSERT_EQ(call->step, step);
      EXPECT_FALSE(take_answer(shard, *call, failure));
    }
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), ok()));
  }
  EXPECT_EQ(next_call(shard, false), std::nullopt);
  EXPECT_EQ(shard.course, Course::undone);
}

TEST(SwitchShard, NothingIsGivenBackToWhoHoldsNothing) {
  for (const Answer& nothing :
       {refused(404, "not_found"), refused(409, "stale_epoch"), refused(409, "switch_under_way")}) {
    ShardSwitch shard = standing_before(3);
    take_answer(shard, *next_call(shard, false), lost());
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), nothing)) << nothing.code;
    EXPECT_EQ(next_call(shard, false)->step, "restore");
    EXPECT_TRUE(take_answer(shard, *next_call(shard, false), nothing)) << nothing.code;
    EXPECT_EQ(next_call(shard, false), std::nullopt);
    EXPECT_EQ(shard.course, Course::undone);
  }
}

TEST(SwitchShard, TurnsBackWhenAnotherOneHasFailed) {
  for (std::size_t i = 0; i < switch_plan().size(); ++i) {
    SCOPED_TRACE(text(switch_plan()[i]));
    ShardSwitch shard = standing_before(i);
    const auto call = next_call(shard, true);
    if (i > commit_index()) {
      EXPECT_EQ(call, switch_plan()[i]);
      continue;
    }
    EXPECT_EQ(shard.course, i == 0 ? Course::undone : Course::back);
    EXPECT_EQ(call, i == 0 ? std::nullopt : std::optional(Call{Side::target, "abort"}));
    EXPECT_THAT(shard.error, HasSubstr("another shard"));
  }
}

ShardSwitch at_step(std::size_t next, Course course = Course::forward) {
  ShardSwitch shard;
  shard.next = next;
  shard.course = course;
  return shard;
}

Operation of(std::vector<ShardSwitch> shards) {
  Operation operation;
  operation.shards = std::move(shards);
  return operation;
}

/// SW3: the first shard of each case is the one that wants to go on.
TEST(SwitchOperation, ShardsComeTogetherBeforeFreezeAndBeforeCommit) {
  const std::size_t freeze = 3, commit = commit_index();
  ASSERT_EQ(switch_plan()[freeze].step, "freeze");
  struct Case {
    const char* name;
    std::vector<ShardSwitch> shards;
    bool may;
  };
  const std::vector<Case> cases = {
      {"alone before freeze", {at_step(freeze)}, true},
      {"alone before commit", {at_step(commit)}, true},
      {"the other is not ready to freeze", {at_step(freeze), at_step(2)}, false},
      {"the other stands before freeze too", {at_step(freeze), at_step(freeze)}, true},
      {"the other is frozen", {at_step(freeze), at_step(freeze + 1)}, true},
      {"not at a gate, the other far behind", {at_step(freeze + 1), at_step(0)}, true},
      {"the other is not ready to commit", {at_step(commit), at_step(commit - 1)}, false},
      {"one of three is not ready to commit", {at_step(commit), at_step(commit), at_step(freeze)}, false},
      {"the other stands before commit too", {at_step(commit), at_step(commit)}, true},
      {"the other has committed", {at_step(commit), at_step(commit + 1)}, true},
      {"the other asks for its decision", {at_step(commit), at_step(commit, Course::asking)}, true},
      {"the other is done", {at_step(commit), at_step(15, Course::done)}, true},
      {"the other goes back", {at_step(commit), at_step(0, Course::back)}, true},
      {"the other is back", {at_step(freeze), at_step(2, Course::undone)}, true},
      {"behind commit", {at_step(commit + 1), at_step(0)}, true},
      {"on the way back", {at_step(0, Course::back), at_step(1)}, true},
  };
  for (const Case& c : cases) EXPECT_EQ(may_go_on(of(c.shards), 0), c.may) << c.name;
}

TEST(SwitchOperation, OverallState) {
  struct Case {
    std::vector<Course> courses;
    const char* state;
  };
  const std::vector<Case> cases = {
      {{Course::forward}, "running"},
      {{Course::asking}, "running"},
      {{Course::back}, "running"},
      {{Course::done}, "done"},
      {{Course::undone}, "rolled_back"},
      {{Course::done, Course::done}, "done"},
      {{Course::undone, Course::undone}, "rolled_back"},
      {{Course::done, Course::forward}, "running"},
      {{Course::undone, Course::asking}, "running"},
      {{Course::done, Course::undone}, "failed"},
      {{Course::undone, Course::done, Course::done}, "failed"},
      {{Course::done, Course::undone, Course::back}, "running"},
  };
  for (const Case& c : cases) {
    std::vector<ShardSwitch> shards;
    bool failed = false;
    for (const Course course : c.courses) {
      shards.push_back(at_step(0, course));
      failed |= course == Course::back || course == Course::undone;
    }
    EXPECT_EQ(overall_state(of(shards)), c.state);
    EXPECT_EQ(any_failed(of(shards)), failed);
  }
}

TEST(SwitchOperation, CoursesAsWords) {
  for (const Course course : {Course::forward, Course::asking, Course::back, Course::done, Course::undone})
    EXPECT_EQ(parse_course(to_string(course)).value(), course);
  EXPECT_EQ(parse_course("sideways").error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace penstock::console
