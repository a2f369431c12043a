// Where things stand in a DC's ZooKeeper (below the chroot). The one place that spells paths.
#pragma once

#include <cstdint>

#include <string>
#include <string_view>

namespace penstock::zk_paths {

inline std::string meta(std::string_view dc) {
  return "/meta/" + std::string(dc);
}
inline std::string metaservers(std::string_view dc) {
  return meta(dc) + "/metaservers";
}
inline std::string metaserver(std::string_view dc, std::string_view id) {
  return metaservers(dc) + "/" + std::string(id);
}
inline std::string keeper_hosts(std::string_view dc) {
  return meta(dc) + "/keeperhosts";
}
inline std::string keeper_host(std::string_view dc, std::string_view id) {
  return keeper_hosts(dc) + "/" + std::string(id);
}
inline std::string clusters(std::string_view dc) {
  return meta(dc) + "/clusters";
}
inline std::string cluster(std::string_view dc, std::string_view cluster) {
  return clusters(dc) + "/" + std::string(cluster);
}
inline std::string shard(std::string_view dc, std::string_view cluster_name, std::string_view shard) {
  return cluster(dc, cluster_name) + "/" + std::string(shard);
}
inline std::string slots(std::string_view dc) {
  return meta(dc) + "/slots";
}
/// A server that left cleanly leaves this for 5 s and keeps its slots meanwhile.
inline std::string restarting(std::string_view dc) {
  return meta(dc) + "/restarting";
}
inline std::string revs(std::string_view dc) {
  return meta(dc) + "/rev";
}
inline std::string rev(std::string_view dc, int slot) {
  return revs(dc) + "/" + std::to_string(slot);
}
inline std::string events(std::string_view dc, std::string_view cluster) {
  return "/event/" + std::string(dc) + "/" + std::string(cluster);
}
inline std::string new_event(std::string_view dc, std::string_view cluster) {
  return events(dc, cluster) + "/e-";
}
inline std::string states(std::string_view dc, std::string_view cluster) {
  return "/state/" + std::string(dc) + "/" + std::string(cluster);
}
inline std::string state(std::string_view dc, std::string_view cluster, std::string_view shard) {
  return states(dc, cluster) + "/" + std::string(shard);
}
inline std::string decisions(std::string_view cluster, std::string_view shard) {
  return "/switch/" + std::string(cluster) + "/" + std::string(shard);
}
inline std::string decision(std::string_view cluster, std::string_view shard, std::uint32_t cluster_epoch) {
  return decisions(cluster, shard) + "/" + std::to_string(cluster_epoch);
}
inline std::string election(std::string_view dc) {
  return "/elector/" + std::string(dc) + "/metaserver";
}
inline std::string keeper_elector(std::string_view dc, std::string_view cluster, std::string_view shard) {
  return "/elector/" + std::string(dc) + "/" + std::string(cluster) + "/" + std::string(shard) + "/keeper";
}

}  // namespace penstock::zk_paths
