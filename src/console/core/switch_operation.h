// A planned switch as the console walks it (proto/switch.md): a record that says how far each shard is, and
// pure functions that say what to ask next and what an answer means. The record is persisted around every
// call, so that another process can go on where one was killed.
//
//   forward: lock, lock, unmonitor, freeze, drain, fence, commit │ promote, attach, follow, monitor, verify,
//   verify, unlock, unlock back:    abort (target), restore (source)
//
// SW1  Before commit any failure turns a shard back; from commit on there is only forward.
// SW2  Whether a commit whose answer was lost has happened is read from the target DC, never guessed.
// SW3  No shard is frozen before all shards of the operation can be, none commits before all stand ready to,
// and neither
//      happens once one of them has failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace penstock::console {

enum class Side { source, target };

struct Call {
  Side side = Side::source;
  std::string step;
  bool operator==(const Call&) const = default;
};

/// The whole way forward, in order.
const std::vector<Call>& switch_plan();
/// Index in switch_plan() of the commit: the point of no return.
std::size_t commit_index();

enum class Course {
  forward,
  asking,  ///< the answer to commit was lost: the decision is to be read
  back,
  done,    ///< the shard is at the target
  undone,  ///< the shard is where it was
};
std::string_view to_string(Course course);
Result<Course> parse_course(std::string_view text);

struct ShardSwitch {
  std::string shard;
  Course course = Course::forward;
  std::size_t next = 0;         ///< forward: index in switch_plan(); back: 0 abort, 1 restore
  bool touched_source = false;  ///< lock was asked for: it has to be given back
  bool touched_target = false;
  std::string replid;
  std::int64_t offset = -1;
  std::string candidate;
  std::string error;  ///< what turned it back
  bool operator==(const ShardSwitch&) const = default;
};

struct StepRecord {
  std::string shard, dc, side, step;
  std::string state = "running";  ///< running, done, failed
  std::int64_t started_ms = 0;
  std::int64_t duration_ms = 0;
  std::string detail;
  bool operator==(const StepRecord&) const = default;
};

struct Operation {
  std::string id, cluster, source, target, reason;
  std::uint32_t epoch = 0;
  std::string state =
      "running";  ///< running, done, rolled_back, failed (shards differ: the cluster is split)
  std::string error;
  std::int64_t started_ms = 0, finished_ms = 0;
  std::vector<ShardSwitch> shards;
  std::vector<StepRecord> steps;
  bool operator==(const Operation&) const = default;
};

/// What a call gave. `decision`: of a question for the decision (COMMIT, ABORT, NONE).
struct Answer {
  bool ok = false;
  int status = 0;    ///< HTTP status; 0: no answer, the effect is unknown
  std::string code;  ///< of a problem
  std::string detail;
  std::string replid, candidate, decision;
  std::int64_t offset = -1;
};

/// The next call, or nullopt when the shard is at an end. With course asking: {target, "decision"}.
/// `others_failed`: another shard of the operation has turned back (SW3).
std::optional<Call> next_call(ShardSwitch& shard, bool others_failed);
/// Whether the shard at `index` may make its next call now; false: it stands before freeze or commit and
/// waits for the others.
bool may_go_on(const Operation& operation, std::size_t index);
/// Whether a shard of the operation has turned back.
bool any_failed(const Operation& operation);
/// Folds an answer into the shard's record. True: go on at once; false: wait a little and ask the same again.
bool take_answer(ShardSwitch& shard, const Call& call, const Answer& answer);
/// What a fresh process does with a record that it finds running: at or before commit it asks for the
/// decision first.
void resume(ShardSwitch& shard);
/// The operation's state from its shards'; "running" while one of them is under way.
std::string overall_state(const Operation& operation);
/// The same of one shard: running, done, rolled_back.
std::string_view shard_state(const ShardSwitch& shard);
/// From the begin of the freeze to the end of what made a master writable again: no client was blocked for
/// longer. nullopt: the shard was not frozen, or that end is not reached.
std::optional<std::int64_t> blocked_ms(const Operation& operation, const std::string& shard);
/// What its shards have to say, one after the other; "" when nothing.
std::string overall_error(const Operation& operation);

}  // namespace penstock::console
