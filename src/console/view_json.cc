#include "console/view_json.h"

namespace penstock::console {
namespace {

using model::Json;

Json texts(const std::vector<Address>& addresses) {
  Json out = Json::array();
  for (const Address& address : addresses) out.push_back(address.text());
  return out;
}

}  // namespace

Json json_of(const Dc& dc) {
  return {{"name", dc.name},
          {"zookeeper", dc.zookeeper},
          {"chroot", dc.chroot},
          {"metaservers", texts(dc.metaservers)},
          {"sentinels", texts(dc.sentinels)},
          {"sentinelQuorum", dc.sentinel_quorum},
          {"sentinelReconfigScript", dc.sentinel_reconfig_script},
          {"sentinelDownAfterMs", dc.sentinel_down_after_ms},
          {"sentinelFailoverTimeoutMs", dc.sentinel_failover_timeout_ms}};
}

Json json_of(const Redis& redis) {
  return {{"dc", redis.dc}, {"address", redis.address.text()}, {"initialMaster", redis.initial_master}};
}

Json json_of(const Keeper& keeper) {
  return {{"dc", keeper.dc},
          {"host", keeper.host},
          {"address", keeper.address.text()},
          {"priority", keeper.priority}};
}

Json json_of(const Cluster& cluster, const Shard& shard) {
  Json redises = Json::array(), keepers = Json::array();
  for (const Redis& redis : shard.redises) redises.push_back(json_of(redis));
  for (const Keeper& keeper : shard.keepers) keepers.push_back(json_of(keeper));
  return {{"cluster", cluster.name},
          {"name", shard.name},
          {"version", shard.version},
          {"redises", redises},
          {"keepers", keepers}};
}

Json json_of(const Cluster& cluster) {
  Json shards = Json::array();
  for (const Shard& shard : cluster.shards) shards.push_back(json_of(cluster, shard));
  return {{"name", cluster.name},
          {"activeDc", cluster.active_dc},
          {"backupDcs", cluster.backup_dcs},
          {"mode", cluster.mode},
          {"policy", cluster.policy},
          {"clusterEpoch", cluster.cluster_epoch},
          {"version", cluster.version},
          {"shards", shards}};
}

Json json_of(const Webhook& webhook) {
  return {{"id", webhook.id}, {"url", webhook.url}, {"events", webhook.events}};
}

Json json_of(const Notification& n) {
  return {{"id", n.id},     {"type", n.type}, {"dc", n.dc},       {"cluster", n.cluster}, {"shard", n.shard},
          {"from", n.from}, {"to", n.to},     {"epoch", n.epoch}, {"atMs", n.at_ms},      {"by", n.by}};
}

}  // namespace penstock::console
