// Views of a shard in two DCs as they look when all is well; a test spoils what it is about.
#pragma once

#include "metaserver/core/action.h"
#include "metaserver/core/shard_decision.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver::test {

inline Address at(std::uint16_t port) {
  return {"127.0.0.1", port};
}

// east: Redis 6001 (master) 6002, keepers 7001 (active) 7002, Sentinels 26001..26003
// west: Redis 6101 6102, keepers 7101 (active) 7102, Sentinels 26101..26103
inline const Address kMaster = at(6001), kReplica = at(6002), kKeeper = at(7001), kBackup = at(7002);
inline const Address kWestRedis = at(6101), kWestOther = at(6102), kWestKeeper = at(7101),
                     kWestBackup = at(7102);
inline const std::string kHistory(40, 'a'), kNewHistory(40, 'b'), kForeign(40, 'f');
inline constexpr std::int64_t kOffset = 5'000, kNow = 1'000'000;

inline model::ClusterConfig cluster_config() {
  model::ClusterConfig cluster;
  cluster.name = "orders";
  cluster.active_dc = "east";
  cluster.cluster_epoch = 3;
  cluster.dcs = {"east", "west"};
  cluster.shards = {"s1"};
  cluster.version = 7;
  return cluster;
}

inline RedisObservation redis(Address address, RedisRole role, Address upstream = {}) {
  RedisObservation redis;
  redis.address = std::move(address);
  redis.reachable = true;
  redis.role = role;
  redis.upstream = std::move(upstream);
  redis.link_up = role == RedisRole::replica;
  redis.offset = kOffset;
  redis.replid = kHistory;
  redis.backlog_size = 64 << 20;
  redis.keys = 10;
  redis.replicas = role == RedisRole::master ? 2 : 0;
  return redis;
}

inline KeeperObservation keeper(Address address, bool active, Address upstream, Epoch epoch) {
  model::KeeperReport report;
  report.cluster = "orders";
  report.shard = "s1";
  report.state = active ? model::KeeperState::active : model::KeeperState::backup;
  report.epoch = epoch.packed();
  report.upstream = std::move(upstream);
  report.link = "connected";
  report.replid = kHistory;
  report.offset = kOffset;
  KeeperObservation keeper;
  keeper.address = std::move(address);
  keeper.report = report;
  return keeper;
}

inline SentinelObservation sentinel(Address address, std::optional<Address> master) {
  SentinelObservation sentinel;
  sentinel.address = std::move(address);
  sentinel.reachable = true;
  sentinel.monitoring = master.has_value();
  if (master) sentinel.master = *master;
  sentinel.master_since_ms = kNow;
  sentinel.quorum = 2;
  sentinel.down_after_ms = 5'000;
  sentinel.failover_timeout_ms = 10'000;
  return sentinel;
}

inline ShardView view_of(std::string dc, Address first_redis, Address second_redis, Address first_keeper,
                         Address second_keeper, std::uint16_t sentinels) {
  ShardView view;
  view.dc = std::move(dc);
  view.self = "ms-1";
  view.now_ms = kNow;
  view.taken = true;
  view.cluster = cluster_config();
  view.shard.cluster = "orders";
  view.shard.shard = "s1";
  view.shard.version = 7;
  view.shard.redises = {{first_redis, view.dc == "east"}, {second_redis, false}};
  view.shard.keepers = {{"kh-1", first_keeper, 0}, {"kh-2", second_keeper, 0}};
  view.shard.sentinel.master_name = "orders/s1";
  for (std::uint16_t i = 0; i < 3; ++i)
    view.shard.sentinel.addresses.push_back(at(static_cast<std::uint16_t>(sentinels + i)));
  view.keeper_hosts = {{"kh-1", at(8001)}, {"kh-2", at(8002)}};
  view.registrations = {{"kh-1", first_keeper, "u1"}, {"kh-2", second_keeper, "u2"}};

  model::ShardState state;
  state.cluster = "orders";
  state.shard = "s1";
  state.active_dc = "east";
  state.epoch = {3, 5};
  state.active_keeper = first_keeper;
  state.config_version = 7;
  state.owner = "ms-1";
  view.state = state;
  return view;
}

inline ShardView healthy_east() {
  ShardView view = view_of("east", kMaster, kReplica, kKeeper, kBackup, 26001);
  view.state->master = kMaster;
  view.state->upstream = kMaster;
  view.redises = {redis(kMaster, RedisRole::master), redis(kReplica, RedisRole::replica, kMaster)};
  view.keepers = {keeper(kKeeper, true, kMaster, view.state->epoch),
                  keeper(kBackup, false, kKeeper, view.state->epoch)};
  for (const auto& address : view.shard.sentinel.addresses)
    view.sentinels.push_back(sentinel(address, kMaster));
  return view;
}

inline ShardView healthy_west() {
  ShardView view = view_of("west", kWestRedis, kWestOther, kWestKeeper, kWestBackup, 26101);
  view.state->upstream = kKeeper;
  view.upstream_keeper = PeerKeeper{"east", kKeeper};
  view.redises = {redis(kWestRedis, RedisRole::replica, kWestKeeper),
                  redis(kWestOther, RedisRole::replica, kWestKeeper)};
  view.keepers = {keeper(kWestKeeper, true, kKeeper, view.state->epoch),
                  keeper(kWestBackup, false, kWestKeeper, view.state->epoch)};
  for (const auto& address : view.shard.sentinel.addresses)
    view.sentinels.push_back(sentinel(address, std::nullopt));
  return view;
}

inline void kill_keeper(KeeperObservation& keeper, int failures = 2, bool refused = true) {
  keeper.report = std::nullopt;
  keeper.failures = failures;
  keeper.refused = refused;
  keeper.error = "connection refused";
}

inline void kill_redis(RedisObservation& redis) {
  const Address address = redis.address;
  redis = RedisObservation{};
  redis.address = address;
  redis.error = "connection refused";
}

/// As Redis starts for the first time.
inline RedisObservation fresh_redis(Address address) {
  RedisObservation fresh = redis(std::move(address), RedisRole::master);
  fresh.keys = fresh.replicas = 0;
  fresh.offset = 0;
  fresh.replid = kForeign;
  fresh.role_since_ms = kNow;
  return fresh;
}

template <class A>
std::vector<A> only(const std::vector<Action>& actions) {
  std::vector<A> found;
  for (const auto& action : actions)
    if (const auto* one = std::get_if<A>(&action)) found.push_back(*one);
  return found;
}

inline std::vector<std::string> texts(const std::vector<Action>& actions) {
  std::vector<std::string> all;
  for (const auto& action : actions) all.push_back(describe(action));
  return all;
}

}  // namespace penstock::metaserver::test
