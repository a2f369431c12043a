// The source's side: locked → unmonitored → freezing → frozen → fencing → fenced → following | restoring.
#include "metaserver/core/switch_source.h"

#include "metaserver/core/settled.h"

namespace penstock::metaserver {
namespace {

using model::HandoverState;
using model::SwitchRecord;
using model::SwitchStep;

SwitchMove unmonitor(const SwitchRequest& request, const SwitchFacts& facts) {
  if (record_of(facts).step == SwitchStep::restoring) return out_of_order(request, facts);
  if (record_of(facts).step != SwitchStep::locked)
    return Done{"no Sentinel monitors the shard", "", -1, {}, ""};
  Act act;
  for (const auto& sentinel : facts.view.sentinels) {
    if (!sentinel.reachable)
      return Refuse{"sentinel_unreachable",
                    sentinel.address.text() + " cannot be told to forget the shard: " + sentinel.error};
    if (sentinel.monitoring)
      act.effects.push_back(RemoveSentinel{sentinel.address, facts.view.shard.sentinel.master_name});
  }
  if (!act.effects.empty()) return act;
  return record_step(facts, SwitchStep::unmonitored);
}

/// "" when the old master is a replica of its keeper for good.
std::string not_fenced_because(const SwitchRecord& record, const RedisObservation& master) {
  if (master.role != RedisRole::replica) return "role is " + std::string(to_string(master.role));
  if (master.failover_state != "no-failover") return "fail-over is " + master.failover_state;
  if (!master.link_up) return "link to the keeper is down";
  if (master.upstream != known(record.keeper)) return "it follows " + master.upstream.text();
  if (master.offset != record.offset)
    return "offset is " + std::to_string(master.offset) + " instead of " + std::to_string(record.offset);
  return "";
}

/// A master frozen by CLIENT PAUSE is made a replica by us. The pause may have ended meanwhile: what was
/// written then has no other copy, and the switch is taken back.
SwitchMove point_at_keeper(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy,
                           const RedisObservation& master) {
  const SwitchRecord& record = record_of(facts);
  if (!facts.paused) return Act{{pause_writes(request, facts, policy)}};
  if (master.replid != record.replid || master.offset != record.offset)
    return Refuse{"pause_ended", "the master is at " + master.replid + " " + std::to_string(master.offset) +
                                     " instead of " + record.replid + " " + std::to_string(record.offset)};
  return Act{{PointFrozen{master.address, known(record.keeper), known(record.ping_period_s)}}};
}

SwitchMove fence_held(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  const SwitchRecord& record = record_of(facts);
  const auto* keeper = holder(facts);
  if (keeper == nullptr) return Wait{"keeper " + known(record.keeper).text() + " does not answer"};
  if (keeper->handover == HandoverState::held) return Act{{AcceptHandover{known(record.keeper)}}};
  const auto* master = old_master(facts);
  if (keeper->handover != HandoverState::accepted) {
    if (master != nullptr && is_writable_master(*master))
      return Refuse{"handover_lost", "the hand-over is " + std::string(model::to_string(keeper->handover)) +
                                         " and the master is writable again"};
    return Wait{"the hand-over is " + std::string(model::to_string(keeper->handover))};
  }
  if (master == nullptr) return Wait{"master " + known(record.old_master).text() + " does not answer"};
  if (record.ping_period_s && master->role == RedisRole::master)
    return point_at_keeper(request, facts, policy, *master);
  if (auto why = not_fenced_because(record, *master); !why.empty()) return Wait{"old master: " + why};
  if (!facts.sealed) return Act{{Seal{known(record.old_master), true}}};
  return record_step(facts, SwitchStep::fenced);
}

SwitchMove fence(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  switch (record_of(facts).step) {
    case SwitchStep::frozen:
      return record_step(facts, SwitchStep::fencing);
    case SwitchStep::fencing:
      return fence_held(request, facts, policy);
    case SwitchStep::fenced:
    case SwitchStep::following:
      return Done{"the old master is a replica for good", "", -1, {}, ""};
    default:
      return out_of_order(request, facts);
  }
}

SwitchMove follow(const SwitchRequest& request, const SwitchFacts& facts) {
  const SwitchRecord& record = record_of(facts);
  if (record.step == SwitchStep::following) {
    const auto open = unsettled_links(facts.view);
    if (!open.empty()) return Wait{join(open)};
    return Done{"all follow " + record.target_dc, "", -1, {}, ""};
  }
  if (record.step != SwitchStep::fenced) return out_of_order(request, facts);
  if (facts.decision == KnownDecision::unknown)
    return Wait{"the decision cannot be read in " + record.target_dc};
  if (facts.decision == KnownDecision::none)
    return Refuse{"undecided", record.target_dc + " has not committed"};
  if (facts.decision == KnownDecision::abort)
    return Refuse{"aborted", record.target_dc + " has decided ABORT"};
  Record following = record_step(facts, SwitchStep::following);
  following.next.active_dc = record.target_dc;
  following.next.master = std::nullopt;
  following.next.upstream = facts.target_keeper;
  following.next.epoch.term++;
  return following;
}

/// May the source become writable? Before the fence it decides alone; afterwards the target's ABORT does.
SwitchMove begin_restore(const SwitchFacts& facts) {
  const SwitchRecord& record = record_of(facts);
  const bool before_fence = record.step == SwitchStep::locked || record.step == SwitchStep::unmonitored ||
                            record.step == SwitchStep::freezing || record.step == SwitchStep::frozen;
  const auto* master = old_master(facts);
  const bool never_fenced =
      record.step == SwitchStep::fencing && master != nullptr && is_writable_master(*master);
  if (!before_fence && !never_fenced) {
    if (facts.decision == KnownDecision::unknown)
      return Wait{"the decision cannot be read in " + record.target_dc};
    if (facts.decision == KnownDecision::none)
      return Refuse{"undecided", record.target_dc + " has decided nothing"};
    if (facts.decision == KnownDecision::commit)
      return Refuse{"committed", record.target_dc + " has decided COMMIT"};
  }
  return record_step(facts, SwitchStep::restoring);
}

SwitchMove restore_master(const SwitchFacts& facts) {
  const SwitchRecord& record = record_of(facts);
  const auto* keeper = holder(facts);
  const bool holds = keeper != nullptr &&
                     (keeper->handover == HandoverState::armed || keeper->handover == HandoverState::held);
  if (holds) return Act{{AbortHandover{known(record.keeper)}}};
  const auto* master = old_master(facts);
  if (master == nullptr) return Wait{"master " + known(record.old_master).text() + " does not answer"};
  if (is_writable_master(*master)) {
    if (record.ping_period_s && !facts.released)
      return Act{{ReleaseWrites{known(record.old_master), known(record.ping_period_s)}}};
    if (!facts.sealed) return Act{{Seal{known(record.old_master), false}}};
    return record_left(facts);
  }
  if (master->failover_state != "no-failover") return Act{{AbortFailover{known(record.old_master)}}};
  return Act{{PromoteRedis{known(record.old_master)}}};
}

SwitchMove restore(const SwitchRequest& request, const SwitchFacts& facts) {
  switch (record_of(facts).step) {
    case SwitchStep::restoring:
      return restore_master(facts);
    case SwitchStep::following:
      return out_of_order(request, facts);
    default:
      return begin_restore(facts);
  }
}

}  // namespace

SwitchMove next_source_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  switch (request.verb) {
    case SwitchVerb::unmonitor:
      return unmonitor(request, facts);
    case SwitchVerb::freeze:
      return freeze(request, facts, policy);
    case SwitchVerb::fence:
      return fence(request, facts, policy);
    case SwitchVerb::follow:
      return follow(request, facts);
    case SwitchVerb::restore:
      return restore(request, facts);
    case SwitchVerb::verify:
      return record_of(facts).step == SwitchStep::following ? verify_settled(facts, policy)
                                                            : SwitchMove{out_of_order(request, facts)};
    case SwitchVerb::unlock:
      return record_of(facts).step == SwitchStep::following ? SwitchMove{record_left(facts)}
                                                            : out_of_order(request, facts);
    default:
      return out_of_order(request, facts);
  }
}

}  // namespace penstock::metaserver
