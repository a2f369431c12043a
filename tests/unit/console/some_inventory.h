// An inventory that tests begin with: two data centers (and a third that no cluster uses), one cluster, one
// shard.
#pragma once

#include "console/core/inventory.h"

namespace penstock::console {

inline Address at(int port) {
  return {"127.0.0.1", static_cast<std::uint16_t>(port)};
}

inline Dc some_dc(const std::string& name, int port) {
  Dc dc;
  dc.name = name;
  dc.zookeeper = "127.0.0.1:" + std::to_string(port);
  dc.metaservers = {at(port + 1), at(port + 2)};
  dc.sentinels = {at(port + 3), at(port + 4), at(port + 5)};
  dc.sentinel_quorum = 2;
  dc.sentinel_reconfig_script = "/usr/bin/hook";
  return dc;
}

inline Cluster some_cluster() {
  Cluster cluster;
  cluster.name = "orders";
  cluster.active_dc = "east";
  cluster.backup_dcs = {"west"};
  cluster.cluster_epoch = 3;
  cluster.version = 11;
  Shard shard;
  shard.name = "s1";
  shard.version = 12;
  shard.redises = {{"east", at(6379), true}, {"east", at(6380), false}, {"west", at(6381), false}};
  shard.keepers = {{"east", "k1", at(7000), 5}, {"west", "k2", at(7001), 0}};
  cluster.shards = {shard};
  return cluster;
}

inline Inventory some_inventory() {
  return {{some_dc("east", 2000), some_dc("west", 2100), some_dc("north", 2200)}, {some_cluster()}};
}

}  // namespace penstock::console
