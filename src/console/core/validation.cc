#include "console/core/validation.h"

#include <algorithm>
#include <set>

#include "common/base/names.h"

namespace penstock::console {
namespace {

Error invalid(const std::string& field, const std::string& what) {
  return {Errc::invalid_argument, field + ": " + what};
}

Result<> check_zookeeper(const std::string& servers) {
  std::string_view rest = servers;
  while (true) {
    const auto comma = std::min(rest.find(','), rest.size());
    if (auto address = parse_address(rest.substr(0, comma)); !address)
      return fail(invalid("zookeeper", address.error().message));
    if (comma == rest.size()) return success();
    rest.remove_prefix(comma + 1);
  }
}

/// Two things never share an address: whoever is told to follow it must know what it meets.
std::string user_of(const Inventory& inventory, const Address& address) {
  for (const Cluster& cluster : inventory.clusters)
    for (const Shard& shard : cluster.shards) {
      const std::string where = " of " + cluster.name + "/" + shard.name;
      for (const Redis& redis : shard.redises)
        if (redis.address == address) return "the Redis server" + where;
      for (const Keeper& keeper : shard.keepers)
        if (keeper.address == address) return "the keeper" + where;
    }
  return "";
}

Result<> check_place(const Inventory& inventory, const Cluster& cluster, const std::string& dc) {
  if (!inventory.dc(dc)) return fail(Errc::not_found, "dc: there is no data center '" + dc + "'");
  if (!cluster.has_dc(dc))
    return fail(invalid("dc", "cluster '" + cluster.name + "' has no part in data center '" + dc + "'"));
  return success();
}

}  // namespace

Result<const Cluster*> find_cluster(const Inventory& inventory, const std::string& cluster) {
  if (const Cluster* found = inventory.cluster(cluster)) return found;
  return fail(Errc::not_found, "there is no cluster '" + cluster + "'");
}

Result<const Shard*> find_shard(const Inventory& inventory, const std::string& cluster,
                                const std::string& shard) {
  PS_TRY(find_cluster(inventory, cluster));
  if (const Shard* found = inventory.shard(cluster, shard)) return found;
  return fail(Errc::not_found, "cluster '" + cluster + "' has no shard '" + shard + "'");
}

Result<Addition> check_dc(const Inventory& inventory, const Dc& dc) {
  PS_TRY(check_name("name", dc.name));
  PS_TRY(check_zookeeper(dc.zookeeper));
  if (!dc.chroot.starts_with('/') || (dc.chroot.size() > 1 && dc.chroot.ends_with('/')))
    return fail(invalid("chroot", "must be an absolute path without a slash at its end"));
  if (dc.metaservers.empty()) return fail(invalid("metaservers", "names no metaserver"));
  if (dc.sentinel_quorum < 1 ||
      (!dc.sentinels.empty() && dc.sentinel_quorum > static_cast<int>(dc.sentinels.size())))
    return fail(invalid("sentinelQuorum", "must be from 1 to the number of Sentinels"));
  if (!dc.sentinel_reconfig_script.empty() && !dc.sentinel_reconfig_script.starts_with('/'))
    return fail(invalid("sentinelReconfigScript", "must be an absolute path"));
  const Dc* existing = inventory.dc(dc.name);
  if (!existing) return Addition::fresh;
  if (*existing == dc) return Addition::already_there;
  return fail(Errc::conflict, "data center '" + dc.name + "' exists and differs");
}

Result<Addition> check_cluster(const Inventory& inventory, const Cluster& cluster) {
  if (auto named = check_cluster_name(cluster.name); !named) return fail(std::move(named).error().in("name"));
  if (cluster.mode != "assisted") return fail(invalid("mode", "must be assisted"));
  if (cluster.policy != "sentinel") return fail(invalid("policy", "must be sentinel"));
  std::set<std::string> seen;
  for (const std::string& dc : cluster.dcs()) {
    const std::string field = dc == cluster.active_dc ? "activeDc" : "backupDcs";
    if (!inventory.dc(dc)) return fail(invalid(field, "there is no data center '" + dc + "'"));
    if (!seen.insert(dc).second) return fail(invalid("backupDcs", "names '" + dc + "' twice"));
  }
  const Cluster* existing = inventory.cluster(cluster.name);
  if (!existing) return Addition::fresh;
  // The active DC moves by a switch; the same members are the same cluster.
  const auto wanted = cluster.dcs(), have = existing->dcs();
  const bool same = std::set(wanted.begin(), wanted.end()) == std::set(have.begin(), have.end()) &&
                    existing->mode == cluster.mode && existing->policy == cluster.policy;
  if (same) return Addition::already_there;
  return fail(Errc::conflict, "cluster '" + cluster.name + "' exists and differs");
}

Result<Addition> check_shard(const Inventory& inventory, const std::string& cluster,
                             const std::string& shard) {
  PS_TRY(find_cluster(inventory, cluster));
  if (auto named = check_shard_name(shard); !named) return fail(std::move(named).error().in("name"));
  return inventory.shard(cluster, shard) ? Addition::already_there : Addition::fresh;
}

Result<Addition> check_redis(const Inventory& inventory, const std::string& cluster, const std::string& shard,
                             const Redis& redis) {
  PS_TRY(const Shard* in, find_shard(inventory, cluster, shard));
  PS_TRY(const Cluster* of, find_cluster(inventory, cluster));
  PS_TRY(check_place(inventory, *of, redis.dc));
  const auto existing = std::ranges::find(in->redises, redis.address, &Redis::address);
  if (existing != in->redises.end()) {
    if (*existing == redis) return Addition::already_there;
    return fail(Errc::conflict, "address: " + redis.address.text() + " is in the shard already and differs");
  }
  if (const std::string user = user_of(inventory, redis.address); !user.empty())
    return fail(Errc::conflict, "address: " + redis.address.text() + " is " + user);
  if (redis.initial_master) {
    if (redis.dc != of->active_dc)
      return fail(invalid("initialMaster", "the active data center is '" + of->active_dc + "'"));
    for (const Redis& other : in->redises)
      if (other.initial_master) return fail(Errc::conflict, "initialMaster: it is " + other.address.text());
  }
  return Addition::fresh;
}

Result<Addition> check_keeper(const Inventory& inventory, const std::string& cluster,
                              const std::string& shard, const Keeper& keeper) {
  PS_TRY(const Shard* in, find_shard(inventory, cluster, shard));
  PS_TRY(const Cluster* of, find_cluster(inventory, cluster));
  PS_TRY(check_place(inventory, *of, keeper.dc));
  PS_TRY(check_name("host", keeper.host));
  for (const Keeper& other : in->keepers) {
    if (other == keeper) return Addition::already_there;
    if (other.dc == keeper.dc && other.host == keeper.host)
      return fail(Errc::conflict, "host: '" + keeper.host + "' has a keeper of this shard already, at " +
                                      other.address.text());
  }
  if (const std::string user = user_of(inventory, keeper.address); !user.empty())
    return fail(Errc::conflict, "address: " + keeper.address.text() + " is " + user);
  return Addition::fresh;
}

Result<> check_dc_removal(const Inventory& inventory, const std::string& dc) {
  if (!inventory.dc(dc)) return fail(Errc::not_found, "there is no data center '" + dc + "'");
  for (const Cluster& cluster : inventory.clusters)
    if (cluster.has_dc(dc))
      return fail(Errc::conflict, "data center '" + dc + "' is used by cluster '" + cluster.name + "'");
  return success();
}

Result<> check_switch_target(const Inventory& inventory, const std::string& cluster,
                             const std::string& target) {
  PS_TRY(const Cluster* of, find_cluster(inventory, cluster));
  if (!inventory.dc(target)) return fail(invalid("target", "there is no data center '" + target + "'"));
  if (!of->has_dc(target))
    return fail(invalid("target", "cluster '" + cluster + "' has no part in data center '" + target + "'"));
  if (of->shards.empty()) return fail(Errc::conflict, "cluster '" + cluster + "' has no shards");
  return success();
}

}  // namespace penstock::console
