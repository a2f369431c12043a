#include "metaserver/core/master_choice.h"

#include <algorithm>
#include <map>

namespace penstock::metaserver {
namespace {

bool says_master(const ShardView& view, const Address& address) {
  const RedisObservation* redis = find_redis(view, address);
  return redis != nullptr && redis->reachable && !redis->loading && redis->role == RedisRole::master;
}

std::optional<Address> configured_initial_master(const ShardView& view) {
  for (const auto& redis : view.shard.redises)
    if (redis.initial_master) return redis.address;
  return std::nullopt;
}

/// The one master whom all others follow; unreachable ones may be anything, so they forbid a conclusion.
std::optional<Address> only_master(const ShardView& view) {
  std::optional<Address> master;
  for (const auto& redis : view.redises) {
    if (!redis.reachable || redis.loading) return std::nullopt;
    if (redis.role == RedisRole::master) {
      if (master) return std::nullopt;
      master = redis.address;
    }
  }
  for (const auto& redis : view.redises)
    if (redis.role == RedisRole::replica && redis.upstream != master) return std::nullopt;
  return master;
}

MasterChoice choose_first_master(const ShardView& view, const SentinelOpinion& opinion) {
  if (opinion.majority && is_member(view, *opinion.majority) && says_master(view, *opinion.majority))
    return {opinion.majority, false, false,
            Finding{Diagnosis::master_changed, "the Sentinels name " + opinion.majority->text()}};
  const auto initial = configured_initial_master(view);
  if (initial && says_master(view, *initial))
    return {initial, false, false,
            Finding{Diagnosis::master_changed, initial->text() + " is the configured initial master"}};
  if (view.redises.size() > 1)
    if (const auto only = only_master(view))
      return {only, false, false,
              Finding{Diagnosis::master_changed, only->text() + " is the master that all others follow"}};
  return {std::nullopt, false, false,
          Finding{Diagnosis::no_master,
                  initial ? "the initial master " + initial->text() + " does not say role:master"
                          : "config names no initial master"}};
}

MasterChoice adopt(const Address& master, std::string why) {
  return {master, false, false, Finding{Diagnosis::master_changed, std::move(why)}};
}

std::optional<MasterChoice> moved_by_sentinel(const ShardView& view, const Address& recorded,
                                              const SentinelOpinion& opinion) {
  if (!opinion.majority || *opinion.majority == recorded) return std::nullopt;
  const Address& named = *opinion.majority;
  if (!is_member(view, named))
    return MasterChoice{recorded, false, false,
                        Finding{Diagnosis::unknown_master,
                                "the Sentinels name " + named.text() + ", which config does not list"}};
  if (says_master(view, named))
    return adopt(named, named.text() + " says role:master and the Sentinels' majority names it");
  return MasterChoice{
      recorded, false, false,
      Finding{Diagnosis::master_moving, "the Sentinels name " + named.text() + ", which is no master yet"}};
}

std::optional<MasterChoice> moved_by_hint(const ShardView& view, const Address& recorded) {
  if (!view.shard.sentinel.addresses.empty() || !view.master_hint || *view.master_hint == recorded)
    return std::nullopt;
  const Address& hinted = *view.master_hint;
  if (!is_member(view, hinted) || !says_master(view, hinted) || says_master(view, recorded))
    return std::nullopt;
  return adopt(hinted, hinted.text() + " was named and says role:master, " + recorded.text() + " does not");
}

}  // namespace

SentinelOpinion sentinel_opinion(const ShardView& view, const std::optional<Address>& recorded) {
  SentinelOpinion opinion;
  std::map<Address, std::size_t> votes;
  for (const auto& sentinel : view.sentinels) {
    if (!sentinel.reachable || !sentinel.monitoring) continue;
    votes[sentinel.master]++;
    if (recorded && sentinel.master != *recorded) opinion.naming_another++;
    opinion.failover_in_progress |= sentinel.failover_in_progress;
    opinion.objectively_down |= sentinel.objectively_down;
  }
  for (const auto& [address, count] : votes)
    if (2 * count > view.shard.sentinel.addresses.size()) opinion.majority = address;
  return opinion;
}

MasterChoice choose_master(const ShardView& view) {
  const auto recorded = state_of(view).master;
  const SentinelOpinion opinion = sentinel_opinion(view, recorded);
  if (!recorded) return choose_first_master(view, opinion);
  if (auto moved = moved_by_sentinel(view, *recorded, opinion)) return *moved;
  if (auto moved = moved_by_hint(view, *recorded)) return *moved;

  MasterChoice same{recorded, false, false, std::nullopt};
  const RedisObservation* master = find_redis(view, *recorded);
  if (master == nullptr || !master->reachable) {
    same.finding =
        Finding{Diagnosis::master_unreachable,
                "master " + recorded->text() + (master ? ": " + master->error : " is not in config")};
  } else if (master->role != RedisRole::master) {
    same.finding = Finding{Diagnosis::master_demoted, "master " + recorded->text() + " says role:" +
                                                          std::string(to_string(master->role)) + " of " +
                                                          master->upstream.text()};
  } else if (opinion.failover_in_progress || opinion.objectively_down || opinion.naming_another > 0) {
    same.finding = Finding{Diagnosis::master_moving,
                           opinion.naming_another > 0
                               ? std::to_string(opinion.naming_another) + " Sentinels name another master"
                               : "Sentinels hold the master for down or fail over"};
  } else {
    same.clear = !master->loading;
    same.agreed = same.clear && (view.shard.sentinel.addresses.empty() || opinion.majority == recorded);
  }
  return same;
}

}  // namespace penstock::metaserver
