// A planned switch, seen from one DC (proto/switch.md): what the owner does next for the step that it was
// asked for.
//
// X1 A step's intent is recorded before it acts and its result after it was verified; any prefix can be
// resumed. X2 COMMIT and ABORT exclude each other (one znode, created once). Only COMMIT lets the target
// promote. X3 A fenced source becomes writable again only after ABORT was read in the target DC. X4 What was
// done is not done again: a repeated step answers what it answered before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "metaserver/core/action.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

enum class SwitchVerb {
  lock,
  unmonitor,
  freeze,
  drain,
  fence,
  commit,
  promote,
  attach,
  follow,
  monitor,
  verify,
  unlock,
  abort,
  restore,
};
std::string_view to_string(SwitchVerb verb);
Result<SwitchVerb> parse_switch_verb(std::string_view text);
/// Whether `verb` is a step of the source (POST …/backup) or of the target (POST …/active).
bool belongs_to(SwitchVerb verb, bool source);

struct SwitchRequest {
  std::string operation;
  std::uint32_t epoch = 0;  ///< cluster epoch
  std::string shard;
  SwitchVerb verb = SwitchVerb::lock;
  bool is_source = false;
  std::string source_dc, target_dc;
  std::string replid;        ///< drain
  std::int64_t offset = -1;  ///< drain
  std::int64_t timeout_ms = 10'000;
};

enum class KnownDecision { unknown, none, commit, abort };
std::string_view to_string(KnownDecision decision);  ///< UNKNOWN NONE COMMIT ABORT

/// What was looked at for this move. `view.state` is the newest /state; the rest of the view is as fresh as
/// the verb needs it (the runner knows which parts).
struct SwitchFacts {
  ShardView view;
  std::int64_t wall_ms = 0;                         ///< for records that people read
  KnownDecision decision = KnownDecision::unknown;  ///< read in the target DC after a sync
  std::optional<Address> target_keeper;             ///< source, follow: the target DC's active keeper
  bool failover_sent = false;                       ///< this run has sent FAILOVER
  bool failover_missing = false;                    ///< the master has no FAILOVER, or we may not use it
  bool paused = false;                              ///< this run has sent PauseWrites before it looked
  bool released = false;                            ///< this run has sent ReleaseWrites
  std::optional<int> ping_period_s;                 ///< of the master, where CLIENT PAUSE is to come
  bool sealed = false;                              ///< this run has done CONFIG REWRITE (and CLIENT KILL)
  std::vector<std::string> full_syncs;              ///< servers that did a full sync since the lock
};

// Moves that act. Each is idempotent.
struct ArmHandover {
  Address keeper;
  std::string replid;
  Epoch epoch;
  std::int64_t ttl_ms = 0;
  bool operator==(const ArmHandover&) const = default;
};
struct StartFailover {
  Address master, keeper;
  std::int64_t timeout_ms = 0;
  bool operator==(const StartFailover&) const = default;
};
struct AcceptHandover {
  Address keeper;
  bool operator==(const AcceptHandover&) const = default;
};
struct AbortHandover {
  Address keeper;
  bool operator==(const AbortHandover&) const = default;
};
struct AbortFailover {
  Address master;
  bool operator==(const AbortFailover&) const = default;
};
/// Pings held back, which would move the offset, then CLIENT PAUSE `ms` WRITE.
struct PauseWrites {
  Address redis;
  std::int64_t ms = 0;
  bool operator==(const PauseWrites&) const = default;
};
/// CLIENT UNPAUSE, and pings as before.
struct ReleaseWrites {
  Address redis;
  int ping_period_s = 0;
  bool operator==(const ReleaseWrites&) const = default;
};
/// An armed keeper that ends at `offset` holds the hand-over, as if the master had asked for it.
struct HoldHandover {
  Address keeper;
  std::string replid;
  std::int64_t offset = 0;
  bool operator==(const HoldHandover&) const = default;
};
/// In one transaction: REPLICAOF the keeper, pings as before, CONFIG REWRITE, CLIENT KILL TYPE normal; then
/// CLIENT UNPAUSE.
struct PointFrozen {
  Address redis, keeper;
  int ping_period_s = 0;
  bool operator==(const PointFrozen&) const = default;
};
/// CONFIG REWRITE, then CLIENT KILL TYPE normal when `kill_clients`
struct Seal {
  Address redis;
  bool kill_clients = false;
  bool operator==(const Seal&) const = default;
};
/// REPLICAOF NO ONE
struct PromoteRedis {
  Address redis;
  bool operator==(const PromoteRedis&) const = default;
};
/// Creates the decision ABORT in this (target) DC.
struct DecideAbort {
  bool operator==(const DecideAbort&) const = default;
};
using SwitchEffect =
    std::variant<ArmHandover, StartFailover, AcceptHandover, AbortHandover, AbortFailover, PauseWrites,
                 ReleaseWrites, HoldHandover, PointFrozen, Seal, PromoteRedis, RemoveSentinel, DecideAbort>;
std::string describe(const SwitchEffect& effect);

/// Carry these out in order, then ask again.
struct Act {
  std::vector<SwitchEffect> effects;
};
/// Write /state (compare-and-set), with `commit` in one multi with the decision COMMIT; then ask again.
struct Record {
  model::ShardState next;
  bool commit = false;
};
/// Look again in a few milliseconds, until the step's deadline.
struct Wait {
  std::string why;
};
struct Done {
  std::string detail;
  std::string replid;                ///< freeze
  std::int64_t offset = -1;          ///< freeze
  std::optional<Address> candidate;  ///< drain
  std::string decision;              ///< commit, abort
};
/// HTTP 409 with this code.
struct Refuse {
  std::string code;
  std::string why;
};
using SwitchMove = std::variant<Act, Record, Wait, Done, Refuse>;

/// `facts.view.state` must be set.
SwitchMove next_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy);

/// What an owner starts by itself when nobody asks: `age_ms` is the time since the recorded step was first
/// seen. `settled`: all of this DC is observed as recorded. nullopt: nothing yet.
std::optional<SwitchVerb> self_healing(const model::SwitchRecord& record, std::int64_t age_ms,
                                       KnownDecision decision, bool settled, const Policy& policy);
/// The request that self-healing makes, from the record's own values.
SwitchRequest request_of(const model::SwitchRecord& record, const std::string& shard, SwitchVerb verb);

// The two sides; next_move has checked operation, epoch and side before.
SwitchMove next_source_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy);
SwitchMove next_target_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy);

/// Both sides: the switch under way.
inline const model::SwitchRecord& record_of(const SwitchFacts& facts) {
  return known(state_of(facts.view).switching);
}
/// Both sides: the record moves to `step`.
Record record_step(const SwitchFacts& facts, model::SwitchStep step);
/// Both sides: the switch leaves /state; the term rises, so that reconcile's next orders are new ones.
Record record_left(const SwitchFacts& facts);
SwitchMove verify_settled(const SwitchFacts& facts, const Policy& policy);
Refuse out_of_order(const SwitchRequest& request, const SwitchFacts& facts);

}  // namespace penstock::metaserver
