#include "console/core/switch_operation.h"

#include <algorithm>
#include <array>

namespace penstock::console {
namespace {

constexpr std::array<std::pair<Course, std::string_view>, 5> kCourses = {{
    {Course::forward, "forward"},
    {Course::asking, "asking"},
    {Course::back, "back"},
    {Course::done, "done"},
    {Course::undone, "undone"},
}};

void turn_back(ShardSwitch& shard, std::string error) {
  if (shard.error.empty()) shard.error = std::move(error);
  shard.course = Course::back;
  shard.next = 0;
}

void go_on_behind_commit(ShardSwitch& shard) {
  shard.course = Course::forward;
  shard.next = commit_index() + 1;
}

bool take_forward(ShardSwitch& shard, const Call& call, const Answer& answer) {
  if (answer.ok) {
    if (!answer.replid.empty()) shard.replid = answer.replid;
    if (answer.offset >= 0) shard.offset = answer.offset;
    if (!answer.candidate.empty()) shard.candidate = answer.candidate;
    if (++shard.next == switch_plan().size()) shard.course = Course::done;
    return true;
  }
  if (shard.next > commit_index()) return false;  // SW1: forward only, again and again
  const std::string why = call.step + ": " + answer.detail;
  if (call.step == "commit" && answer.code != "aborted") {
    if (shard.error.empty()) shard.error = why;
    shard.course = Course::asking;  // SW2
    return true;
  }
  turn_back(shard, why);
  return true;
}

bool take_decision(ShardSwitch& shard, const Answer& answer) {
  if (!answer.ok) return false;
  if (answer.decision == "COMMIT") {
    shard.error.clear();
    go_on_behind_commit(shard);
  } else {
    turn_back(shard, "there was no commit");
  }
  return true;
}

bool take_back(ShardSwitch& shard, const Call& call, const Answer& answer) {
  if (call.step == "abort" && !answer.ok && answer.code == "committed") {
    go_on_behind_commit(shard);
    return true;
  }
  if (!answer.ok) return false;
  ++shard.next;
  return true;
}

}  // namespace

const std::vector<Call>& switch_plan() {
  static const std::vector<Call> plan = {
      {Side::target, "lock"},   {Side::source, "lock"},    {Side::source, "unmonitor"},
      {Side::source, "freeze"}, {Side::target, "drain"},   {Side::source, "fence"},
      {Side::target, "commit"}, {Side::target, "promote"}, {Side::target, "attach"},
      {Side::source, "follow"}, {Side::target, "monitor"}, {Side::target, "verify"},
      {Side::source, "verify"}, {Side::target, "unlock"},  {Side::source, "unlock"},
  };
  return plan;
}

std::size_t commit_index() {
  static const auto index = static_cast<std::size_t>(std::ranges::find(switch_plan(), "commit", &Call::step) -
                                                     switch_plan().begin());
  return index;
}

std::string_view to_string(Course course) {
  for (const auto& [candidate, word] : kCourses)
    if (candidate == course) return word;
  return "?";
}

Result<Course> parse_course(std::string_view text) {
  for (const auto& [candidate, word] : kCourses)
    if (word == text) return candidate;
  return fail(Errc::invalid_argument, "'" + std::string(text) + "' is not a course");
}

std::optional<Call> next_call(ShardSwitch& shard, bool others_failed) {
  if (shard.course == Course::forward && shard.next <= commit_index() && others_failed)
    turn_back(shard, "another shard could not be switched");
  if (shard.course == Course::asking) return Call{Side::target, "decision"};
  if (shard.course == Course::forward) {
    const Call& call = switch_plan()[shard.next];
    (call.side == Side::source ? shard.touched_source : shard.touched_target) = true;
    return call;
  }
  if (shard.course == Course::back) {
    if (shard.next == 0 && !shard.touched_target) ++shard.next;
    if (shard.next == 1 && !shard.touched_source) ++shard.next;
    if (shard.next == 0) return Call{Side::target, "abort"};
    if (shard.next == 1) return Call{Side::source, "restore"};
    shard.course = Course::undone;
  }
  return std::nullopt;
}

bool any_failed(const Operation& operation) {
  return std::ranges::any_of(operation.shards, [](const ShardSwitch& shard) {
    return shard.course == Course::back || shard.course == Course::undone;
  });
}

bool may_go_on(const Operation& operation, std::size_t index) {
  const ShardSwitch& self = operation.shards[index];
  if (self.course != Course::forward || self.next != commit_index() || any_failed(operation)) return true;
  return std::ranges::all_of(operation.shards, [](const ShardSwitch& other) {
    return other.course == Course::done || other.course == Course::asking || other.next >= commit_index();
  });
}

bool take_answer(ShardSwitch& shard, const Call& call, const Answer& answer) {
  switch (shard.course) {
    case Course::forward:
      return take_forward(shard, call, answer);
    case Course::asking:
      return take_decision(shard, answer);
    case Course::back:
      return take_back(shard, call, answer);
    case Course::done:
    case Course::undone:
      return true;
  }
  return true;
}

void resume(ShardSwitch& shard) {
  if (shard.course != Course::forward || shard.next > commit_index()) return;
  if (shard.error.empty()) shard.error = "the console was restarted";
  if (shard.touched_target) {
    shard.course = Course::asking;
  } else {
    turn_back(shard, shard.error);
  }
}

std::string overall_state(const Operation& operation) {
  bool any_done = false, any_undone = false;
  for (const ShardSwitch& shard : operation.shards) {
    if (shard.course != Course::done && shard.course != Course::undone) return "running";
    (shard.course == Course::done ? any_done : any_undone) = true;
  }
  if (any_done && any_undone) return "failed";
  return any_done ? "done" : "rolled_back";
}

}  // namespace penstock::console
