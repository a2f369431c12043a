#include "metaserver/core/shard_view.h"

#include <algorithm>

namespace penstock::metaserver {

std::string_view to_string(RedisRole role) {
  switch (role) {
    case RedisRole::master:
      return "master";
    case RedisRole::replica:
      return "replica";
    case RedisRole::unknown:
      break;
  }
  return "unknown";
}

const KeeperObservation* find_keeper(const ShardView& view, const Address& address) {
  const auto found = std::ranges::find(view.keepers, address, &KeeperObservation::address);
  return found == view.keepers.end() ? nullptr : &*found;
}

const RedisObservation* find_redis(const ShardView& view, const Address& address) {
  const auto found = std::ranges::find(view.redises, address, &RedisObservation::address);
  return found == view.redises.end() ? nullptr : &*found;
}

bool is_member(const ShardView& view, const Address& redis) {
  return std::ranges::find(view.shard.redises, redis, &model::RedisConfig::address) !=
         view.shard.redises.end();
}

bool presumed_dead(const KeeperObservation& keeper, const Policy& policy) {
  if (keeper.refused && keeper.failures >= policy.keeper_refusals_max) return true;
  return keeper.failures >= policy.keeper_failures_max;
}

}  // namespace penstock::metaserver
