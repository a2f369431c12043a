// Walks a switch through a small model of its two data centers while the console is killed, or answers are
// lost, at every place where they can be. Whatever happens, the end is one of two.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "console/core/switch_operation.h"

namespace penstock::console {
namespace {

/// One shard in source and target as proto/switch.md has it. Every step may come again.
class World {
 public:
  std::string decision = "NONE";
  bool target_locked = false, source_locked = false;
  bool source_writable = true, fenced = false, promoted = false, following = false;

  Answer carry_out(const Call& call) {
    Answer answer = call.side == Side::target ? at_target(call.step) : at_source(call.step);
    EXPECT_FALSE(promoted && source_writable) << "two masters after " << call.step;
    return answer;
  }

 private:
  static Answer ok() {
    Answer answer;
    answer.ok = true;
    answer.status = 200;
    return answer;
  }
  static Answer no(std::string code) {
    Answer answer;
    answer.status = 409;
    answer.code = std::move(code);
    answer.detail = "no";
    return answer;
  }

  Answer at_target(const std::string& step) {
    if (step == "decision") {
      Answer answer = ok();
      answer.decision = decision;
      return answer;
    }
    if (step == "abort") {
      if (decision == "COMMIT") return no("committed");
      decision = "ABORT";
      target_locked = false;
      return ok();
    }
    if (step == "unlock") {
      target_locked = false;
      return ok();
    }
    if (decision == "ABORT") return no("aborted");
    if (step == "lock") {
      target_locked = true;
      return ok();
    }
    if (step == "drain" || step == "commit") {
      if (!target_locked || source_writable) return no("out_of_order");
      if (step == "commit" && !fenced) return no("out_of_order");
      if (step == "commit") decision = "COMMIT";
      return ok();
    }
    if (decision != "COMMIT") return no("out_of_order");
    if (step == "promote") promoted = true;
    return promoted ? ok() : no("out_of_order");
  }

  Answer at_source(const std::string& step) {
    if (step == "restore") {
      if (decision == "COMMIT") return no("committed");
      if (fenced && decision != "ABORT") return no("undecided");
      fenced = source_locked = false;
      source_writable = true;
      return ok();
    }
    if (step == "unlock") {
      source_locked = false;
      return ok();
    }
    if (step == "lock") {
      source_locked = true;
      return ok();
    }
    if (!source_locked) return no("out_of_order");
    if (step == "freeze") source_writable = false;
    if (step == "fence") {
      if (source_writable) return no("out_of_order");
      fenced = true;
    }
    if (step == "follow") {
      if (decision != "COMMIT") return no("out_of_order");
      following = true;
    }
    return ok();
  }
};

enum class Fault { killed_before, killed_after, lost_before, lost_after };
constexpr Fault kFaults[] = {Fault::killed_before, Fault::killed_after, Fault::lost_before,
                             Fault::lost_after};

/// What strikes call number `at`.
struct Strike {
  std::size_t at = 0;
  Fault fault = Fault::killed_before;
};

struct End {
  World world;
  ShardSwitch shard;
  std::size_t calls = 0;
};

/// `saves(step)`: whether the record reaches the disk before that step. The record of a new operation always
/// does.
End walk(const std::vector<Strike>& strikes, const std::function<bool(const std::string&)>& saves) {
  End end;
  ShardSwitch disk;
  for (;; ++end.calls) {
    if (end.calls > 200) {
      ADD_FAILURE() << "no end in sight";
      return end;
    }
    const auto call = next_call(end.shard, false);
    if (!call) return end;
    if (saves(call->step)) disk = end.shard;
    std::optional<Fault> fault;
    for (const Strike& strike : strikes)
      if (strike.at == end.calls) fault = strike.fault;
    Answer answer;
    answer.code = "timeout";
    if (fault != Fault::killed_before && fault != Fault::lost_before) {
      const Answer given = end.world.carry_out(*call);
      if (!fault) answer = given;
    }
    if (fault == Fault::killed_before || fault == Fault::killed_after) {
      end.shard = disk;
      resume(end.shard);
      continue;
    }
    take_answer(end.shard, *call, answer);
  }
}

void check(const End& end) {
  const World& world = end.world;
  EXPECT_FALSE(world.target_locked);
  EXPECT_FALSE(world.source_locked);
  if (end.shard.course == Course::done) {
    EXPECT_EQ(world.decision, "COMMIT");
    EXPECT_TRUE(world.promoted);
    EXPECT_TRUE(world.following);
    EXPECT_FALSE(world.source_writable);
    EXPECT_EQ(end.shard.error, "");
  } else {
    EXPECT_EQ(end.shard.course, Course::undone);
    EXPECT_NE(world.decision, "COMMIT");
    EXPECT_FALSE(world.promoted);
    EXPECT_TRUE(world.source_writable);
    EXPECT_NE(end.shard.error, "") << "it says why";
  }
}

bool always(const std::string&) {
  return true;
}
/// While clients wait nothing is saved: what has to be known after a crash is on disk by then.
bool unless_clients_wait(const std::string& step) {
  return step != "drain" && step != "fence" && step != "commit" && step != "promote";
}

std::string name(const Strike& strike) {
  return std::to_string(strike.at) + "/" + std::to_string(static_cast<int>(strike.fault)) + " ";
}

TEST(SwitchResume, WithoutAFault) {
  const End end = walk({}, always);
  EXPECT_EQ(end.shard.course, Course::done);
  EXPECT_EQ(end.calls, switch_plan().size());
  check(end);
}

TEST(SwitchResume, FromEveryStep) {
  for (const auto& saves : {always, unless_clients_wait})
    for (std::size_t at = 0; at < switch_plan().size(); ++at)
      for (const Fault fault : kFaults) {
        SCOPED_TRACE(name({at, fault}) + switch_plan()[at].step);
        const End end = walk({{at, fault}}, saves);
        check(end);
        const bool committed =
            at > commit_index() ||
            (at == commit_index() && (fault == Fault::killed_after || fault == Fault::lost_after));
        EXPECT_EQ(end.shard.course, committed ? Course::done : Course::undone);
      }
}

TEST(SwitchResume, FromEveryTwoFaults) {
  for (const auto& saves : {always, unless_clients_wait})
    for (std::size_t first = 0; first < 25; ++first)
      for (std::size_t second = first + 1; second < 25; ++second)
        for (const Fault one : kFaults)
          for (const Fault other : kFaults) {
            const std::vector<Strike> strikes = {{first, one}, {second, other}};
            SCOPED_TRACE(name(strikes[0]) + name(strikes[1]));
            check(walk(strikes, saves));
          }
}

TEST(SwitchResume, AnOperationThatHasDoneNothingYetIsDropped) {
  ShardSwitch shard;
  resume(shard);
  EXPECT_EQ(next_call(shard, false), std::nullopt);
  EXPECT_EQ(shard.course, Course::undone);
  EXPECT_NE(shard.error, "");
}

TEST(SwitchResume, OtherCoursesGoOnAsTheyWere) {
  for (const Course course : {Course::asking, Course::back, Course::done, Course::undone}) {
    ShardSwitch shard;
    shard.course = course;
    shard.error = "why";
    const ShardSwitch before = shard;
    resume(shard);
    EXPECT_EQ(shard, before) << to_string(course);
  }
}

}  // namespace
}  // namespace penstock::console
