// What the source's steps of a switch look at. Private to the source's side.
#pragma once

#include "metaserver/core/switch_steps.h"

namespace penstock::metaserver {

/// nullptr when it does not answer.
inline const RedisObservation* old_master(const SwitchFacts& facts) {
  const RedisObservation* master = find_redis(facts.view, known(record_of(facts).old_master));
  return master != nullptr && master->reachable ? master : nullptr;
}

/// What the keeper says that holds the hand-over; nullptr when it does not answer.
inline const model::KeeperReport* holder(const SwitchFacts& facts) {
  const KeeperObservation* keeper = find_keeper(facts.view, known(record_of(facts).keeper));
  return keeper != nullptr && keeper->report ? &known(keeper->report) : nullptr;
}

inline bool is_writable_master(const RedisObservation& redis) {
  return redis.role == RedisRole::master && redis.failover_state == "no-failover";
}

/// unmonitored → freezing → frozen: the master stops to write, by FAILOVER or by CLIENT PAUSE
/// (switch_freeze.cc).
SwitchMove freeze(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy);
/// CLIENT PAUSE, longer than what depends on it: a hold of the keeper's, a step.
PauseWrites pause_writes(const SwitchRequest& request, const SwitchFacts& facts, const Policy& policy);

}  // namespace penstock::metaserver
