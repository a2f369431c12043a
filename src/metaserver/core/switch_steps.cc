#include "metaserver/core/switch_steps.h"

#include <array>

#include "metaserver/core/settled.h"

namespace penstock::metaserver {
namespace {

using model::ShardState;
using model::SwitchRecord;
using model::SwitchStep;

constexpr std::array kVerbs = {
    std::pair{SwitchVerb::lock, "lock"},       std::pair{SwitchVerb::unmonitor, "unmonitor"},
    std::pair{SwitchVerb::freeze, "freeze"},   std::pair{SwitchVerb::drain, "drain"},
    std::pair{SwitchVerb::fence, "fence"},     std::pair{SwitchVerb::commit, "commit"},
    std::pair{SwitchVerb::promote, "promote"}, std::pair{SwitchVerb::attach, "attach"},
    std::pair{SwitchVerb::follow, "follow"},   std::pair{SwitchVerb::monitor, "monitor"},
    std::pair{SwitchVerb::verify, "verify"},   std::pair{SwitchVerb::unlock, "unlock"},
    std::pair{SwitchVerb::abort, "abort"},     std::pair{SwitchVerb::restore, "restore"},
};

struct DescribeEffect {
  std::string operator()(const ArmHandover& e) const {
    return "arm hand-over at " + e.keeper.text() + " epoch " + e.epoch.text();
  }
  std::string operator()(const StartFailover& e) const {
    return "failover " + e.master.text() + " to " + e.keeper.text();
  }
  std::string operator()(const AcceptHandover& e) const { return "accept hand-over at " + e.keeper.text(); }
  std::string operator()(const AbortHandover& e) const { return "abort hand-over at " + e.keeper.text(); }
  std::string operator()(const AbortFailover& e) const { return "abort failover of " + e.master.text(); }
  std::string operator()(const PauseWrites& e) const {
    return "pause writes of " + e.redis.text() + " for " + std::to_string(e.ms) + " ms";
  }
  std::string operator()(const ReleaseWrites& e) const { return "release writes of " + e.redis.text(); }
  std::string operator()(const HoldHandover& e) const {
    return "hold hand-over at " + e.keeper.text() + " at offset " + std::to_string(e.offset);
  }
  std::string operator()(const PointFrozen& e) const {
    return "point frozen " + e.redis.text() + " at " + e.keeper.text();
  }
  std::string operator()(const Seal& e) const { return "rewrite config of " + e.redis.text(); }
  std::string operator()(const PromoteRedis& e) const { return "promote " + e.redis.text(); }
  std::string operator()(const RemoveSentinel& e) const {
    return "sentinel " + e.address.text() + " remove " + e.name;
  }
  std::string operator()(const DecideAbort&) const { return "decide ABORT"; }
};

SwitchMove lock(const SwitchRequest& request, const SwitchFacts& facts) {
  const ShardState& state = state_of(facts.view);
  if (request.epoch <= state.epoch.cluster)
    return Refuse{"stale_epoch", "cluster epoch " + std::to_string(request.epoch) + " is not above " +
                                     std::to_string(state.epoch.cluster)};
  if (state.active_dc != request.source_dc)
    return Refuse{"wrong_source",
                  "the active data center is " + state.active_dc + ", not " + request.source_dc};
  if (request.is_source && (!state.master || !state.active_keeper))
    return Refuse{"not_ready", "no master or no active keeper is recorded"};
  ShardState next = state;
  SwitchRecord record;
  record.operation = request.operation;
  record.cluster_epoch = request.epoch;
  record.is_source = request.is_source;
  record.source_dc = request.source_dc;
  record.target_dc = request.target_dc;
  record.started_ms = facts.wall_ms;
  if (request.is_source) {
    record.keeper = state.active_keeper;
    record.old_master = state.master;
  }
  next.switching = record;
  next.epoch = {request.epoch, state.epoch.term + 1};
  next.owner = facts.view.self;
  return Record{std::move(next)};
}

/// Without a record: what can still be answered is what has left its traces.
SwitchMove move_without_record(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  const auto seen = state_of(facts.view).epoch.cluster;
  if (request.verb == SwitchVerb::lock) return lock(request, facts);
  if (request.verb == SwitchVerb::abort) return next_target_move(request, facts, policy);
  if (request.verb == SwitchVerb::restore) return Done{"nothing is to be restored", "", -1, {}, ""};
  if (request.epoch != seen)
    return Refuse{"not_locked",
                  "this shard has cluster epoch " + std::to_string(seen) + " and no switch under way"};
  if (request.verb == SwitchVerb::unlock) return Done{"the switch has left", "", -1, {}, ""};
  if (request.verb == SwitchVerb::verify) return verify_settled(facts, policy);
  return Refuse{"out_of_order", "the switch has left this shard"};
}

}  // namespace

std::string_view to_string(SwitchVerb verb) {
  for (const auto& [value, word] : kVerbs)
    if (value == verb) return word;
  return "unknown";
}

Result<SwitchVerb> parse_switch_verb(std::string_view text) {
  for (const auto& [value, word] : kVerbs)
    if (word == text) return value;
  return fail(Errc::invalid_argument, "field 'step': unknown step '" + std::string(text) + "'");
}

bool belongs_to(SwitchVerb verb, bool source) {
  switch (verb) {
    case SwitchVerb::lock:
    case SwitchVerb::verify:
    case SwitchVerb::unlock:
      return true;
    case SwitchVerb::unmonitor:
    case SwitchVerb::freeze:
    case SwitchVerb::fence:
    case SwitchVerb::follow:
    case SwitchVerb::restore:
      return source;
    default:
      return !source;
  }
}

std::string_view to_string(KnownDecision decision) {
  switch (decision) {
    case KnownDecision::none:
      return "NONE";
    case KnownDecision::commit:
      return "COMMIT";
    case KnownDecision::abort:
      return "ABORT";
    case KnownDecision::unknown:
      break;
  }
  return "UNKNOWN";
}

std::string describe(const SwitchEffect& effect) {
  return std::visit(DescribeEffect{}, effect);
}

SwitchMove next_move(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy) {
  const ShardState& state = state_of(facts.view);
  const std::string& here = request.is_source ? request.source_dc : request.target_dc;
  if (here != facts.view.dc)
    return Refuse{"wrong_dc", "this is " + facts.view.dc + ", the step is for " + here};
  if (!belongs_to(request.verb, request.is_source))
    return Refuse{"wrong_side", std::string(to_string(request.verb)) + " is no step of this side"};
  if (request.epoch < state.epoch.cluster)
    return Refuse{"stale_epoch", "cluster epoch " + std::to_string(request.epoch) + " is below " +
                                     std::to_string(state.epoch.cluster)};
  if (!state.switching) return move_without_record(request, facts, policy);
  const SwitchRecord& record = *state.switching;
  if (record.operation != request.operation || record.cluster_epoch != request.epoch ||
      record.is_source != request.is_source)
    return Refuse{"switch_under_way",
                  "operation " + record.operation + " is at " + std::string(model::to_string(record.step))};
  if (request.verb == SwitchVerb::lock) return Done{"locked at epoch " + state.epoch.text(), "", -1, {}, ""};
  return request.is_source ? next_source_move(request, facts, policy)
                           : next_target_move(request, facts, policy);
}

Record record_step(const SwitchFacts& facts, SwitchStep step) {
  ShardState next = state_of(facts.view);
  known(next.switching).step = step;
  next.owner = facts.view.self;
  return Record{std::move(next)};
}

Record record_left(const SwitchFacts& facts) {
  ShardState next = state_of(facts.view);
  next.switching = std::nullopt;
  next.epoch.term++;
  next.owner = facts.view.self;
  return Record{std::move(next)};
}

SwitchMove verify_settled(const SwitchFacts& facts, const Policy& policy) {
  if (!facts.full_syncs.empty()) return Refuse{"full_sync", join(facts.full_syncs)};
  std::vector<std::string> open = unsettled_links(facts.view);
  for (auto& sentence : unsettled_sentinels(facts.view)) open.push_back(std::move(sentence));
  for (auto& sentence : unsettled_data(facts.view, policy)) open.push_back(std::move(sentence));
  if (!open.empty()) return Wait{join(open)};
  return Done{"links up, one history, no full sync", "", -1, {}, ""};
}

Refuse out_of_order(const SwitchRequest& request, const SwitchFacts& facts) {
  return {"out_of_order", std::string(to_string(request.verb)) + " does not follow " +
                              std::string(model::to_string(known(state_of(facts.view).switching).step))};
}

SwitchRequest request_of(const SwitchRecord& record, const std::string& shard, SwitchVerb verb) {
  SwitchRequest request;
  request.operation = record.operation;
  request.epoch = record.cluster_epoch;
  request.shard = shard;
  request.verb = verb;
  request.is_source = record.is_source;
  request.source_dc = record.source_dc;
  request.target_dc = record.target_dc;
  request.replid = record.replid;
  request.offset = record.offset;
  return request;
}

std::optional<SwitchVerb> self_healing(const SwitchRecord& record, std::int64_t age_ms,
                                       KnownDecision decision, bool settled, const Policy& policy) {
  switch (record.step) {
    case SwitchStep::locked:
    case SwitchStep::unmonitored:
    case SwitchStep::freezing:
    case SwitchStep::frozen:
    case SwitchStep::draining:
    case SwitchStep::drained:
      if (age_ms < policy.abandoned_switch_ms) return std::nullopt;
      return record.is_source ? SwitchVerb::restore : SwitchVerb::abort;
    case SwitchStep::fencing:
      return age_ms < policy.promote_retry_ms ? std::nullopt : std::optional(SwitchVerb::fence);
    case SwitchStep::fenced:
      if (decision == KnownDecision::commit) return SwitchVerb::follow;
      if (decision == KnownDecision::abort) return SwitchVerb::restore;
      return std::nullopt;
    case SwitchStep::restoring:
      return age_ms < policy.promote_retry_ms ? std::nullopt : std::optional(SwitchVerb::restore);
    case SwitchStep::committed:
      return age_ms < policy.promote_retry_ms ? std::nullopt : std::optional(SwitchVerb::promote);
    case SwitchStep::promoted:
    case SwitchStep::following:
      if (age_ms >= policy.finished_switch_ms && settled) return SwitchVerb::unlock;
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace penstock::metaserver
