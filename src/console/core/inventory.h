// What the operator wants: data centers, clusters, shards, servers. Intent, not fact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/address.h"
#include "common/base/result.h"

namespace penstock::console {

struct Dc {
  std::string name;
  std::string zookeeper;  ///< "ip:port[,ip:port]"
  std::string chroot = "/penstock";
  std::vector<Address> metaservers;
  std::vector<Address> sentinels;
  int sentinel_quorum = 2;
  std::string sentinel_reconfig_script;
  std::int64_t sentinel_down_after_ms = 5'000;
  std::int64_t sentinel_failover_timeout_ms = 10'000;
  bool operator==(const Dc&) const = default;
};

struct Redis {
  std::string dc;
  Address address;
  bool initial_master = false;
  bool operator==(const Redis&) const = default;
};

struct Keeper {
  std::string dc, host;
  Address address;
  int priority = 0;
  bool operator==(const Keeper&) const = default;
};

struct Shard {
  std::string name;
  std::uint64_t version = 0;  ///< rises with each change of the shard
  std::vector<Redis> redises;
  std::vector<Keeper> keepers;
  bool operator==(const Shard&) const = default;
};

struct Cluster {
  std::string name;
  std::string active_dc;
  std::vector<std::string> backup_dcs;
  std::string mode = "assisted";
  std::string policy = "sentinel";
  std::uint32_t cluster_epoch = 1;
  std::uint64_t version = 0;
  std::vector<Shard> shards;
  bool operator==(const Cluster&) const = default;

  /// The active one first.
  std::vector<std::string> dcs() const;
  bool has_dc(const std::string& dc) const;
};

struct Inventory {
  std::vector<Dc> dcs;
  std::vector<Cluster> clusters;
  bool operator==(const Inventory&) const = default;

  const Dc* dc(const std::string& name) const;
  const Cluster* cluster(const std::string& name) const;
  const Shard* shard(const std::string& cluster, const std::string& shard) const;
};

}  // namespace penstock::console
