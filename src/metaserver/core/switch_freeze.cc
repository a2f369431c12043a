// How the source's master stops to write at one offset F. Both ways end with a hand-over that the active
// keeper holds.
//
// By FAILOVER: the master pauses, drains to the keeper by itself and asks it with PSYNC … FAILOVER; it can
// only become a replica of that keeper, or a writable master again when the keeper says no. By CLIENT PAUSE,
// where FAILOVER is missing: the pause has a deadline on the server's wall clock, so that nothing may rely on
// it. Who accepts the hand-over compares the offsets after the pause was sent again, and the keeper serves
// nobody who has written beyond F.
#include <algorithm>

#include "metaserver/core/switch_source.h"

namespace penstock::metaserver {
namespace {

using model::HandoverState;
using model::SwitchRecord;
using model::SwitchStep;

constexpr std::int64_t kPauseMarginMs = 2'000;

ArmHandover arm(const SwitchFacts& facts, const model::KeeperReport& keeper, const Policy& policy) {
  return {known(record_of(facts).keeper), keeper.replid, state_of(facts.view).epoch, policy.handover_ttl_ms};
}

SwitchMove freeze_by_failover(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy,
                              const model::KeeperReport& keeper) {
  const SwitchRecord& record = record_of(facts);
  if (facts.failover_sent)
    return Refuse{"failover_ended", "the master has taken the fail-over back and is writable"};
  return Act{
      {arm(facts, keeper, policy), StartFailover{known(record.old_master), known(record.keeper),
                                                 std::max<std::int64_t>(request.timeout_ms * 4 / 5, 100)}}};
}

/// From now on by CLIENT PAUSE: the record keeps what has to be put back.
SwitchMove turn_to_pause(const SwitchFacts& facts) {
  if (!facts.ping_period_s) return Wait{"the master does not say its repl-ping-replica-period"};
  Record pausing = record_step(facts, SwitchStep::freezing);
  known(pausing.next.switching).ping_period_s = facts.ping_period_s;
  return pausing;
}

SwitchMove freeze_by_pause(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy,
                           const model::KeeperReport& keeper, const RedisObservation& master) {
  const PauseWrites pause = pause_writes(request, facts, policy);
  if (!facts.paused) return Act{{arm(facts, keeper, policy), pause}};
  if (master.replid != keeper.replid)
    return Refuse{"history_differs", "the keeper holds " + keeper.replid + ", the master " + master.replid};
  if (keeper.offset != master.offset)
    return Wait{"the keeper is at " + std::to_string(keeper.offset) + ", the master at " +
                std::to_string(master.offset)};
  return Act{{pause, HoldHandover{known(record_of(facts).keeper), keeper.replid, master.offset}}};
}

SwitchMove freeze_now(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  const SwitchRecord& record = record_of(facts);
  const auto* keeper = holder(facts);
  // One probe without an answer proves nothing: a keeper that syncs its metadata may be late. The step's time
  // limit decides.
  if (keeper == nullptr) return Wait{"keeper " + known(record.keeper).text() + " does not answer"};
  if (keeper->handover == HandoverState::accepted)
    return Refuse{"already_accepted",
                  "keeper " + known(record.keeper).text() + " has accepted a hand-over already"};
  if (keeper->handover == HandoverState::held) {
    if (keeper->offset < keeper->handover_offset) return Wait{"the keeper is still storing the last bytes"};
    Record frozen = record_step(facts, SwitchStep::frozen);
    known(frozen.next.switching).replid = keeper->replid;
    known(frozen.next.switching).offset = keeper->handover_offset;
    return frozen;
  }
  const auto* master = old_master(facts);
  if (master == nullptr) return Wait{"master " + known(record.old_master).text() + " does not answer"};
  if (!is_writable_master(*master)) return Wait{"master is in " + master->failover_state};
  if (record.ping_period_s) return freeze_by_pause(request, facts, policy, *keeper, *master);
  if (facts.failover_missing) return turn_to_pause(facts);
  return freeze_by_failover(request, facts, policy, *keeper);
}

}  // namespace

PauseWrites pause_writes(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  return {known(record_of(facts).old_master),
          std::max(request.timeout_ms, policy.handover_ttl_ms) + kPauseMarginMs};
}

SwitchMove freeze(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  const SwitchRecord& record = record_of(facts);
  switch (record.step) {
    case SwitchStep::unmonitored:
      return record_step(facts, SwitchStep::freezing);
    case SwitchStep::freezing:
      return freeze_now(request, facts, policy);
    case SwitchStep::frozen:
    case SwitchStep::fencing:
    case SwitchStep::fenced:
    case SwitchStep::following:
      return Done{"frozen", record.replid, record.offset, {}, ""};
    default:
      return out_of_order(request, facts);
  }
}

}  // namespace penstock::metaserver
