#include "console/core/render.h"

#include <algorithm>

namespace penstock::console {
namespace {

model::SentinelConfig render_sentinel(const Dc& dc, const std::string& cluster, const std::string& shard) {
  model::SentinelConfig sentinel;
  sentinel.master_name = cluster + "/" + shard;
  sentinel.addresses = dc.sentinels;
  sentinel.quorum = dc.sentinel_quorum;
  sentinel.down_after_ms = dc.sentinel_down_after_ms;
  sentinel.failover_timeout_ms = dc.sentinel_failover_timeout_ms;
  sentinel.reconfig_script = dc.sentinel_reconfig_script;
  return sentinel;
}

model::Event keeper_event(const char* type, const model::KeeperConfig& keeper,
                          const model::ShardConfig& config) {
  model::Event event;
  event.type = type;
  event.version = config.version;
  event.shard = config.shard;
  event.payload = {{"host", keeper.host}, {"address", keeper.address.text()}};
  return event;
}

}  // namespace

model::ClusterConfig render_cluster(const Inventory& inventory, const Cluster& cluster,
                                    const std::string& dc) {
  model::ClusterConfig config;
  config.name = cluster.name;
  config.active_dc = cluster.active_dc;
  config.cluster_epoch = cluster.cluster_epoch;
  config.mode = cluster.mode;
  config.policy = cluster.policy;
  config.dcs = cluster.dcs();
  for (const std::string& other : config.dcs)
    if (const Dc* peer = other == dc ? nullptr : inventory.dc(other))
      config.peers.push_back({other, peer->metaservers});
  for (const Shard& shard : cluster.shards) config.shards.push_back(shard.name);
  config.version = cluster.version;
  return config;
}

model::ShardConfig render_shard(const Inventory& inventory, const Cluster& cluster, const Shard& shard,
                                const std::string& dc) {
  model::ShardConfig config;
  config.cluster = cluster.name;
  config.shard = shard.name;
  for (const Keeper& keeper : shard.keepers)
    if (keeper.dc == dc) config.keepers.push_back({keeper.host, keeper.address, keeper.priority});
  for (const Redis& redis : shard.redises)
    if (redis.dc == dc) config.redises.push_back({redis.address, redis.initial_master});
  if (const Dc* place = inventory.dc(dc)) config.sentinel = render_sentinel(*place, cluster.name, shard.name);
  config.version = shard.version;
  return config;
}

std::vector<model::Event> events_of(const std::optional<model::ShardConfig>& before,
                                    const model::ShardConfig& after) {
  std::vector<model::Event> events;
  const auto had = before ? before->keepers : std::vector<model::KeeperConfig>{};
  for (const auto& keeper : after.keepers)
    if (std::ranges::count(had, keeper) == 0) events.push_back(keeper_event("keeperAdd", keeper, after));
  for (const auto& keeper : had)
    if (std::ranges::count(after.keepers, keeper) == 0)
      events.push_back(keeper_event("keeperDelete", keeper, after));
  if (!events.empty()) return events;
  model::Event event;
  event.type = "configChanged";
  event.version = after.version;
  event.shard = after.shard;
  events.push_back(std::move(event));
  return events;
}

}  // namespace penstock::console
