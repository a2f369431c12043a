// Two DCs as a switch sees them, in memory: effects change the world, records change /state, and a step can
// be cut off after any move.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metaserver/core/switch_steps.h"
#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {

struct SwitchWorld {
  ShardView east = healthy_east();
  ShardView west = healthy_west();
  KnownDecision decision = KnownDecision::none;
  std::vector<std::string> log;
  bool has_failover = true;  ///< the old master knows the command
  bool pause_holds = false;
  int ping_period_s = 10;
  int moves_left = 1'000;  ///< the owner dies when this reaches 0

  RedisObservation& old_master() { return east.redises[0]; }
  model::KeeperReport& holder() { return *east.keepers[0].report; }
  bool is_writable(const RedisObservation& redis) const {
    return redis.role == RedisRole::master && redis.failover_state == "no-failover";
  }
  int writable_masters() const {
    int count = 0;
    for (const auto* view : {&east, &west})
      for (const auto& one : view->redises) count += is_writable(one);
    return count;
  }

  void operator()(const ArmHandover& e) {
    if (holder().handover == model::HandoverState::none) holder().handover = model::HandoverState::armed;
    log.push_back(describe(SwitchEffect{e}));
  }
  void operator()(const StartFailover& e) {
    log.push_back(describe(SwitchEffect{e}));
    if (!has_failover || !is_writable(old_master())) return;
    old_master().role = RedisRole::replica;
    old_master().failover_state = "failover-in-progress";
    old_master().upstream = kKeeper;
    holder().handover = model::HandoverState::held;
    holder().handover_offset = old_master().offset;
  }
  void operator()(const AcceptHandover&) {
    log.push_back("accept");
    if (holder().handover != model::HandoverState::held) return;
    holder().handover = model::HandoverState::accepted;
    old_master().failover_state = "no-failover";
    old_master().link_up = true;
  }
  void operator()(const AbortHandover&) {
    log.push_back("abort hand-over");
    if (holder().handover == model::HandoverState::accepted) return;
    holder().handover = model::HandoverState::none;
    if (old_master().failover_state != "no-failover") give_back();
  }
  void operator()(const AbortFailover&) {
    log.push_back("abort failover");
    give_back();
  }
  void operator()(const PauseWrites& e) {
    log.push_back(describe(SwitchEffect{e}));
    pause_holds = true;
    ping_period_s = 3'600;
  }
  void operator()(const ReleaseWrites& e) {
    log.push_back(describe(SwitchEffect{e}));
    pause_holds = false;
    ping_period_s = e.ping_period_s;
  }
  void operator()(const HoldHandover& e) {
    log.push_back(describe(SwitchEffect{e}));
    if (holder().handover != model::HandoverState::armed || holder().offset != e.offset) return;
    holder().handover = model::HandoverState::held;
    holder().handover_offset = e.offset;
  }
  void operator()(const PointFrozen& e) {
    log.push_back(describe(SwitchEffect{e}));
    old_master().role = RedisRole::replica;
    old_master().upstream = e.keeper;
    old_master().link_up = old_master().offset == holder().offset;  // the keeper serves nobody who is ahead
    pause_holds = false;
    ping_period_s = e.ping_period_s;
  }
  void operator()(const Seal& e) { log.push_back(describe(SwitchEffect{e})); }
  void operator()(const PromoteRedis& e) {
    log.push_back("promote " + e.redis.text());
    for (auto* view : {&east, &west})
      for (auto& one : view->redises)
        if (one.address == e.redis && one.role == RedisRole::replica) {
          one.role = RedisRole::master;
          one.replid2 = one.replid;
          one.second_offset = one.offset + 1;
          one.replid = kNewHistory;
        }
  }
  void operator()(const RemoveSentinel& e) {
    log.push_back("remove");
    for (auto& one : east.sentinels)
      if (one.address == e.address) one = sentinel(one.address, std::nullopt);
  }
  void operator()(const DecideAbort&) {
    log.push_back("decide ABORT");
    if (decision == KnownDecision::none) decision = KnownDecision::abort;
  }
  void give_back() {
    old_master().role = RedisRole::master;
    old_master().failover_state = "no-failover";
    old_master().replid2 = old_master().replid;
    old_master().replid = kForeign;
  }

  /// What reconcile does for a promoted target and a following source.
  void reconcile() {
    auto settle = [](ShardView& view, const Address& head) {
      for (auto& one : view.keepers) {
        const bool active = one.address == *view.state->active_keeper;
        one = keeper(one.address, active, active ? *view.state->upstream : *view.state->active_keeper,
                     view.state->epoch);
        one.report->replid = kNewHistory;
      }
      for (auto& one : view.redises) {
        if (one.address == head) continue;
        one = redis(one.address, RedisRole::replica, head);
        one.replid = kNewHistory;
      }
    };
    if (west.state->switching && west.state->switching->step == model::SwitchStep::promoted) {
      settle(west, *west.state->master);
      for (auto& one : west.sentinels) one = sentinel(one.address, west.state->master);
    }
    if (east.state->switching && east.state->switching->step == model::SwitchStep::following)
      settle(east, kKeeper);
  }

  SwitchRequest request(SwitchVerb verb, bool source) const {
    SwitchRequest request;
    request.operation = "op-1";
    request.epoch = 4;
    request.shard = "s1";
    request.verb = verb;
    request.is_source = source;
    request.source_dc = "east";
    request.target_dc = "west";
    request.replid = kHistory;
    request.offset = kOffset;
    return request;
  }

  SwitchFacts facts(bool source, bool failover_sent, bool sealed) const {
    SwitchFacts facts;
    facts.view = source ? east : west;
    facts.decision = decision;
    facts.target_keeper = kWestKeeper;
    facts.failover_sent = failover_sent;
    facts.sealed = sealed;
    return facts;
  }

  /// One step to its end: Done, Refuse, or Wait when nothing more moves. nullopt: the owner died on the way.
  std::optional<SwitchMove> run(SwitchRequest request) {
    bool failover_sent = false, sealed = false, paused = false, released = false;
    for (int look = 0; look < 50; ++look) {
      reconcile();
      SwitchFacts seen = facts(request.is_source, failover_sent && has_failover, sealed);
      seen.failover_missing = failover_sent && !has_failover;
      if (seen.failover_missing) seen.ping_period_s = ping_period_s;
      seen.paused = paused;
      seen.released = released;
      SwitchMove move = next_move(request, seen, Policy{});
      if (std::holds_alternative<Done>(move) || std::holds_alternative<Refuse>(move)) return move;
      if (std::holds_alternative<Wait>(move)) {
        if (look == 49) return move;
        continue;
      }
      if (moves_left-- <= 0) return std::nullopt;
      if (const auto* record = std::get_if<Record>(&move)) {
        (request.is_source ? east : west).state = record->next;
        if (record->commit) decision = KnownDecision::commit;
      } else {
        for (const auto& effect : std::get<Act>(move).effects) {
          std::visit(*this, effect);
          failover_sent |= std::holds_alternative<StartFailover>(effect);
          sealed |= std::holds_alternative<Seal>(effect);
          paused |= std::holds_alternative<PauseWrites>(effect);
          released |= std::holds_alternative<ReleaseWrites>(effect);
        }
      }
    }
    return Wait{"does not end"};
  }
  std::optional<SwitchMove> run(SwitchVerb verb, bool source) { return run(request(verb, source)); }
};

struct SideVerb {
  SwitchVerb verb;
  bool source;
};
/// The order in which a console asks.
inline const std::vector<SideVerb> kWholeSwitch = {
    {SwitchVerb::lock, false},   {SwitchVerb::lock, true},     {SwitchVerb::unmonitor, true},
    {SwitchVerb::freeze, true},  {SwitchVerb::drain, false},   {SwitchVerb::fence, true},
    {SwitchVerb::commit, false}, {SwitchVerb::promote, false}, {SwitchVerb::attach, false},
    {SwitchVerb::follow, true},  {SwitchVerb::monitor, false}, {SwitchVerb::verify, false},
    {SwitchVerb::verify, true},  {SwitchVerb::unlock, false},  {SwitchVerb::unlock, true},
};

}  // namespace penstock::metaserver::test
