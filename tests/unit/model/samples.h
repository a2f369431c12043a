// One value of each struct that ZooKeeper holds: with everything set, and with as little as may be.
#pragma once

#include <string>
#include <tuple>

#include "common/base/names.h"
#include "common/model/model.h"

namespace penstock::model::samples {

inline Address at(std::uint16_t port) {
  return {"127.0.0.1", port};
}

inline ClusterConfig full_cluster() {
  return {.name = "orders",
          .active_dc = "dc1",
          .cluster_epoch = UINT32_MAX,
          .mode = "strict",
          .policy = "builtin",
          .dcs = {"dc1", "dc2", "dc3"},
          .peers = {{"dc2", {at(8101), {"::1", 8102}}}, {"dc3", {}}},
          .shards = {"s1", "s2"},
          .version = INT64_MAX};
}
inline ClusterConfig bare_cluster() {
  ClusterConfig cluster;
  cluster.name = "c";
  cluster.active_dc = "d";
  return cluster;
}

inline ShardConfig full_shard() {
  return {.cluster = "orders",
          .shard = "s1",
          .upstream_keeper = at(7401),
          .keepers = {{"kh1", at(7301), -1000}, {"kh2", {"::1", 7302}, 1000}},
          .redises = {{at(6379), true}, {at(6380), false}},
          .sentinel = {.master_name = "orders/s1",
                       .addresses = {at(26379), at(26380), at(26381)},
                       .quorum = 3,
                       .down_after_ms = 1'500,
                       .failover_timeout_ms = 7'000,
                       .reconfig_script = "/usr/lib/penstock/sentinel-hook"},
          .version = 7};
}
inline ShardConfig bare_shard() {
  ShardConfig shard;
  shard.cluster = "c";
  shard.shard = "s";
  return shard;
}

inline MetaserverInfo full_metaserver() {
  return {"dc1-m1", at(8101), "0.1.0", 1'700'000'000'123, at(8191)};
}
inline MetaserverInfo bare_metaserver() {
  return {"m", at(1), "", 0, std::nullopt};
}

inline KeeperHostInfo full_keeper_host() {
  return {"kh1", {"fe80::1", 65535}, "0.1.0", INT64_MAX};
}
inline KeeperHostInfo bare_keeper_host() {
  return {"k", at(1), "", 0};
}

inline KeeperRegistration full_registration() {
  return {"kh1", at(7301), "2f4a"};
}
inline KeeperRegistration bare_registration() {
  return {"k", at(1), ""};
}

inline SlotTable full_slots() {
  SlotTable table{.version = 12, .owners = {}};
  for (int slot = 0; slot < kSlotCount; ++slot) table.owners.push_back("m" + std::to_string(slot % 3));
  return table;
}
inline SlotTable bare_slots() {
  return {0, std::vector<std::string>(kSlotCount)};
}

inline Event full_event() {
  return {.type = "promoteMaster",
          .id = "op-17",
          .version = 9,
          .at_ms = 1'700'000'000'123,
          .by = "an \"operator\"\n\xc3\xa9",
          .shard = "s1",
          .payload = {{"to", "127.0.0.1:6380"}, {"", "an empty key"}, {"a.b", ""}}};
}
inline Event bare_event() {
  Event event;
  event.type = "configChanged";
  return event;
}

inline ShardState full_state() {
  return {.cluster = "orders",
          .shard = "s1",
          .active_dc = "dc1",
          .epoch = {7, UINT32_MAX},
          .master = at(6379),
          .active_keeper = at(7301),
          .upstream = Address{"::1", 6379},
          .switching = SwitchRecord{.operation = "op-18",
                                    .cluster_epoch = 8,
                                    .is_source = true,
                                    .source_dc = "dc1",
                                    .target_dc = "dc2",
                                    .step = SwitchStep::fenced,
                                    .replid = std::string(40, 'a'),
                                    .offset = 123'456'789'012,
                                    .keeper = at(7301),
                                    .old_master = at(6379),
                                    .ping_period_s = 10,
                                    .candidate = at(6479),
                                    .started_ms = 1'700'000'000'123},
          .last_event = EventOutcome{"op-17", "promoteMaster", 9, false, "no such replica"},
          .config_version = 7,
          .owner = "dc1-m1"};
}
inline ShardState bare_state() {
  ShardState state;
  state.cluster = "c";
  state.shard = "s";
  state.active_dc = "d";
  return state;
}
/// Both optional parts are there, with nothing in them that may be missing.
inline ShardState half_bare_state() {
  ShardState state = bare_state();
  state.switching.emplace();
  state.switching->source_dc = "a";
  state.switching->target_dc = "b";
  state.last_event.emplace();
  return state;
}

inline SwitchDecision full_decision() {
  return {true, "op-18", "dc1-m1", 1'700'000'000'123};
}
inline SwitchDecision bare_decision() {
  return {};
}

inline KeeperReport full_report() {
  return {.cluster = "orders",
          .shard = "s1",
          .uuid = "2f4a",
          .state = KeeperState::active,
          .epoch = Epoch{7, 3}.packed(),
          .upstream = at(6379),
          .link = "connected",
          .replid = std::string(40, 'a'),
          .offset = INT64_MAX,
          .replid2 = std::string(40, 'b'),
          .second_offset = 1'000,
          .log_first = 1,
          .rdb_offset = 0,
          .handover = HandoverState::held,
          .handover_offset = 999,
          .full_syncs = 2,
          .full_syncs_served = 3,
          .replicas = 4};
}

}  // namespace penstock::model::samples
