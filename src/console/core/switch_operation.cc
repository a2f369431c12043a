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
  shard.error.clear();
  shard.course = Course::forward;
  shard.next = commit_index() + 1;
}

bool is_refusal(const Answer& answer) {
  return answer.status >= 400 && answer.status < 500;
}

/// The side does not hold our lock: it never did, another operation has it, or the shard is gone.
bool holds_nothing(const Answer& answer) {
  return answer.status == 404 || answer.code == "stale_epoch" || answer.code == "switch_under_way";
}

/// Behind commit: the same again, until it works. A full sync that has happened is told, and changes nothing
/// any more.
bool take_failure_behind_commit(ShardSwitch& shard, const Call& call, const Answer& answer) {
  if (call.step != "verify" || answer.code != "full_sync") return false;
  shard.error += (shard.error.empty() ? "" : "; ") + call.step + ": " + answer.detail;
  ++shard.next;
  return true;
}

bool take_forward(ShardSwitch& shard, const Call& call, const Answer& answer) {
  if (answer.ok) {
    if (!answer.replid.empty()) shard.replid = answer.replid;
    if (answer.offset >= 0) shard.offset = answer.offset;
    if (!answer.candidate.empty()) shard.candidate = answer.candidate;
    if (++shard.next == switch_plan().size()) shard.course = Course::done;
    return true;
  }
  if (shard.next > commit_index()) return take_failure_behind_commit(shard, call, answer);
  const std::string why = call.step + ": " + answer.detail;
  if (call.step == "commit" && answer.code != "aborted") {
    if (shard.error.empty()) shard.error = why;
    shard.course = Course::asking;  // SW2
    return true;
  }
  if (call.step == "lock" && is_refusal(answer))
    (call.side == Side::source ? shard.touched_source : shard.touched_target) = false;
  turn_back(shard, why);
  return true;
}

bool take_decision(ShardSwitch& shard, const Answer& answer) {
  if (!answer.ok && !holds_nothing(answer)) return false;
  if (answer.ok && answer.decision == "COMMIT") {
    go_on_behind_commit(shard);
  } else {
    turn_back(shard, "there was no commit");
  }
  return true;
}

bool take_back(ShardSwitch& shard, const Answer& answer) {
  if (!answer.ok && answer.code == "committed") {
    go_on_behind_commit(shard);
    return true;
  }
  if (!answer.ok && !holds_nothing(answer)) return false;
  ++shard.next;
  return true;
}

/// The shards come together here before any of them goes on.
bool is_gate(std::size_t next) {
  return next == commit_index() || (next < commit_index() && switch_plan()[next].step == "freeze");
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
  if (self.course != Course::forward || !is_gate(self.next) || any_failed(operation)) return true;
  return std::ranges::all_of(operation.shards, [&](const ShardSwitch& other) {
    return other.course == Course::done || other.course == Course::asking || other.next >= self.next;
  });
}

bool take_answer(ShardSwitch& shard, const Call& call, const Answer& answer) {
  switch (shard.course) {
    case Course::forward:
      return take_forward(shard, call, answer);
    case Course::asking:
      return take_decision(shard, answer);
    case Course::back:
      return take_back(shard, answer);
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

std::string_view shard_state(const ShardSwitch& shard) {
  if (shard.course == Course::done) return "done";
  return shard.course == Course::undone ? "rolled_back" : "running";
}

std::optional<std::int64_t> blocked_ms(const Operation& operation, const std::string& shard) {
  std::optional<std::int64_t> from, to;
  for (const StepRecord& step : operation.steps) {
    if (step.shard != shard) continue;
    if (step.step == "freeze") from = step.started_ms;
    const bool writable_again = step.step == "promote" || step.step == "restore";
    if (writable_again && step.state == "done") to = step.started_ms + step.duration_ms;
  }
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

std::string overall_error(const Operation& operation) {
  std::string all;
  for (const ShardSwitch& shard : operation.shards)
    if (!shard.error.empty()) all += (all.empty() ? "" : "; ") + shard.shard + ": " + shard.error;
  return all;
}

}  // namespace penstock::console
