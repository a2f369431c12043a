// The target's side: locked → draining → drained → committed → promoted.
#include "metaserver/core/promotion_choice.h"
#include "metaserver/core/settled.h"
#include "metaserver/core/switch_steps.h"

namespace penstock::metaserver {
namespace {

using model::SwitchRecord;
using model::SwitchStep;

bool is_committed(const SwitchFacts& facts) {
  return record_of(facts).step == SwitchStep::committed || record_of(facts).step == SwitchStep::promoted;
}

PromotionWish exactly_frozen(const SwitchRecord& record) {
  return {record.replid, record.offset, record.offset};
}

SwitchMove drain(const SwitchRequest& request, const SwitchFacts& facts) {
  if (request.replid.empty() || request.offset < 0)
    return Refuse{"not_frozen", "drain needs the replid and the offset of the freeze"};
  const SwitchRecord& record = record_of(facts);
  const bool same = record.replid == request.replid && record.offset == request.offset;
  if (is_committed(facts)) {
    if (!same) return out_of_order(request, facts);
    return Done{"drained", "", -1, record.candidate, ""};
  }
  if (record.step == SwitchStep::locked || !same) {
    Record draining = record_step(facts, SwitchStep::draining);
    known(draining.next.switching).replid = request.replid;
    known(draining.next.switching).offset = request.offset;
    known(draining.next.switching).candidate = std::nullopt;
    return draining;
  }
  if (record.step == SwitchStep::drained) return Done{"drained", "", -1, record.candidate, ""};
  for (const auto& redis : facts.view.redises)
    if (redis.reachable && redis.replid == record.replid && redis.offset > record.offset)
      return Refuse{"offset_beyond_freeze", redis.address.text() + " is at " + std::to_string(redis.offset) +
                                                ", the freeze at " + std::to_string(record.offset)};
  const PromotionChoice choice = choose_promotion(facts.view.redises, exactly_frozen(record));
  if (!choice.chosen) return Wait{text(choice.unfit)};
  Record drained = record_step(facts, SwitchStep::drained);
  known(drained.next.switching).candidate = choice.chosen;
  return drained;
}

SwitchMove commit(const SwitchRequest& request, const SwitchFacts& facts) {
  if (is_committed(facts)) return Done{"committed", "", -1, record_of(facts).candidate, "COMMIT"};
  if (record_of(facts).step != SwitchStep::drained) return out_of_order(request, facts);
  if (facts.decision == KnownDecision::unknown) return Wait{"the decision cannot be read"};
  if (facts.decision == KnownDecision::abort) return Refuse{"aborted", "ABORT was decided"};
  const SwitchRecord& record = record_of(facts);
  const RedisObservation* candidate = find_redis(facts.view, known(record.candidate));
  const auto fit =
      candidate == nullptr ? PromotionChoice{} : choose_promotion({*candidate}, exactly_frozen(record));
  if (!fit.chosen)
    return Refuse{"candidate_lost", candidate == nullptr
                                        ? known(record.candidate).text() + " is not in config"
                                        : text(fit.unfit)};
  Record committed = record_step(facts, SwitchStep::committed);
  committed.next.active_dc = facts.view.dc;
  committed.next.master = record.candidate;
  committed.next.upstream = record.candidate;
  committed.next.epoch.term++;
  committed.commit = facts.decision == KnownDecision::none;
  return committed;
}

/// The candidate died after COMMIT: forward only, to another replica that holds all of the frozen history.
SwitchMove replace_candidate(const SwitchFacts& facts) {
  const PromotionChoice choice = choose_promotion(facts.view.redises, exactly_frozen(record_of(facts)));
  if (!choice.chosen) return Wait{text(choice.unfit)};
  Record replaced = record_step(facts, SwitchStep::committed);
  known(replaced.next.switching).candidate = choice.chosen;
  replaced.next.master = choice.chosen;
  replaced.next.upstream = choice.chosen;
  replaced.next.epoch.term++;
  return replaced;
}

SwitchMove promote(const SwitchRequest& request, const SwitchFacts& facts) {
  const SwitchRecord& record = record_of(facts);
  if (record.step == SwitchStep::promoted) return Done{"promoted", "", -1, record.candidate, ""};
  if (record.step != SwitchStep::committed) return out_of_order(request, facts);
  const RedisObservation* candidate = find_redis(facts.view, known(record.candidate));
  if (candidate == nullptr || !candidate->reachable || candidate->loading) return replace_candidate(facts);
  if (candidate->role == RedisRole::replica) {
    if (!choose_promotion({*candidate}, exactly_frozen(record)).chosen) return replace_candidate(facts);
    return Act{{PromoteRedis{known(record.candidate)}}};
  }
  if (candidate->replid2 != record.replid || candidate->second_offset != record.offset + 1)
    return Refuse{"promotion_mismatch", candidate->address.text() + " was promoted at " + candidate->replid2 +
                                            " " + std::to_string(candidate->second_offset) + " instead of " +
                                            record.replid + " " + std::to_string(record.offset + 1)};
  if (!facts.sealed) return Act{{Seal{known(record.candidate), false}}};
  return record_step(facts, SwitchStep::promoted);
}

SwitchMove settled_after_promotion(const SwitchRequest& request, const SwitchFacts& facts,
                                   std::vector<std::string> open, std::string detail) {
  if (record_of(facts).step != SwitchStep::promoted) return out_of_order(request, facts);
  if (!open.empty()) return Wait{join(open)};
  return Done{std::move(detail), "", -1, {}, ""};
}

SwitchMove abort(const SwitchFacts& facts) {
  const bool locked = state_of(facts.view).switching.has_value();
  if (locked && is_committed(facts)) return Refuse{"committed", "COMMIT was decided"};
  switch (facts.decision) {
    case KnownDecision::unknown:
      return Wait{"the decision cannot be read"};
    case KnownDecision::commit:
      return Refuse{"committed", "COMMIT was decided"};
    case KnownDecision::none:
      return Act{{DecideAbort{}}};
    case KnownDecision::abort:
      break;
  }
  if (locked) return record_left(facts);
  return Done{"aborted", "", -1, {}, "ABORT"};
}

}  // namespace

SwitchMove next_target_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  switch (request.verb) {
    case SwitchVerb::drain:
      return drain(request, facts);
    case SwitchVerb::commit:
      return commit(request, facts);
    case SwitchVerb::promote:
      return promote(request, facts);
    case SwitchVerb::attach:
      return settled_after_promotion(request, facts, unsettled_links(facts.view),
                                     "all follow the new master");
    case SwitchVerb::monitor:
      return settled_after_promotion(request, facts, unsettled_sentinels(facts.view),
                                     "every Sentinel monitors the new master");
    case SwitchVerb::verify:
      return record_of(facts).step == SwitchStep::promoted ? verify_settled(facts, policy)
                                                           : SwitchMove{out_of_order(request, facts)};
    case SwitchVerb::unlock:
      return record_of(facts).step == SwitchStep::promoted ? SwitchMove{record_left(facts)}
                                                           : out_of_order(request, facts);
    case SwitchVerb::abort:
      return abort(facts);
    default:
      return out_of_order(request, facts);
  }
}

}  // namespace penstock::metaserver
