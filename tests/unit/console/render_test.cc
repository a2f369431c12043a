#include "console/core/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "some_inventory.h"

namespace penstock::console {
namespace {

using testing::ElementsAre;

TEST(RenderCluster, TheActiveDcComesFirstAndPeersAreTheOthers) {
  const Inventory inventory = some_inventory();
  const auto east = render_cluster(inventory, inventory.clusters[0], "east");
  EXPECT_EQ(east.name, "orders");
  EXPECT_EQ(east.type, "one_way");
  EXPECT_EQ(east.active_dc, "east");
  EXPECT_EQ(east.cluster_epoch, 3u);
  EXPECT_EQ(east.mode, "assisted");
  EXPECT_EQ(east.policy, "sentinel");
  EXPECT_EQ(east.version, 11u);
  EXPECT_THAT(east.dcs, ElementsAre("east", "west"));
  EXPECT_THAT(east.shards, ElementsAre("s1"));
  EXPECT_THAT(east.peers, ElementsAre(model::PeerDc{"west", {at(2101), at(2102)}}));

  const auto west = render_cluster(inventory, inventory.clusters[0], "west");
  EXPECT_EQ(west.active_dc, "east");
  EXPECT_THAT(west.dcs, ElementsAre("east", "west"));
  EXPECT_THAT(west.peers, ElementsAre(model::PeerDc{"east", {at(2001), at(2002)}}));
}

TEST(RenderCluster, AfterASwitch) {
  Inventory inventory = some_inventory();
  inventory.clusters[0].active_dc = "west";
  inventory.clusters[0].backup_dcs = {"east"};
  const auto east = render_cluster(inventory, inventory.clusters[0], "east");
  EXPECT_EQ(east.active_dc, "west");
  EXPECT_THAT(east.dcs, ElementsAre("west", "east"));
}

TEST(RenderCluster, AClusterOfOneDcHasNoPeers) {
  Inventory inventory = some_inventory();
  inventory.clusters[0].backup_dcs.clear();
  EXPECT_TRUE(render_cluster(inventory, inventory.clusters[0], "east").peers.empty());
}

TEST(RenderShard, EachDcHasItsOwnPart) {
  const Inventory inventory = some_inventory();
  const Cluster& cluster = inventory.clusters[0];
  const auto east = render_shard(inventory, cluster, cluster.shards[0], "east");
  EXPECT_EQ(east.cluster, "orders");
  EXPECT_EQ(east.shard, "s1");
  EXPECT_EQ(east.version, 12u);
  EXPECT_EQ(east.upstream_keeper, std::nullopt);
  EXPECT_THAT(east.redises,
              ElementsAre(model::RedisConfig{at(6379), true}, model::RedisConfig{at(6380), false}));
  EXPECT_THAT(east.keepers, ElementsAre(model::KeeperConfig{"k1", at(7000), 5}));
  const auto west = render_shard(inventory, cluster, cluster.shards[0], "west");
  EXPECT_THAT(west.redises, ElementsAre(model::RedisConfig{at(6381), false}));
  EXPECT_THAT(west.keepers, ElementsAre(model::KeeperConfig{"k2", at(7001), 0}));
}

TEST(RenderShard, SentinelsAreTheDcsOwn) {
  Inventory inventory = some_inventory();
  inventory.dcs[1].sentinel_down_after_ms = 1'234;
  inventory.dcs[1].sentinel_failover_timeout_ms = 4'321;
  const Cluster& cluster = inventory.clusters[0];
  const auto sentinel = render_shard(inventory, cluster, cluster.shards[0], "west").sentinel;
  EXPECT_EQ(sentinel.master_name, "orders/s1");
  EXPECT_THAT(sentinel.addresses, ElementsAre(at(2103), at(2104), at(2105)));
  EXPECT_EQ(sentinel.quorum, 2);
  EXPECT_EQ(sentinel.down_after_ms, 1'234);
  EXPECT_EQ(sentinel.failover_timeout_ms, 4'321);
  EXPECT_EQ(sentinel.reconfig_script, "/usr/bin/hook");
}

model::ShardConfig config_of(std::vector<model::KeeperConfig> keepers, std::uint64_t version) {
  model::ShardConfig config;
  config.cluster = "orders";
  config.shard = "s1";
  config.keepers = std::move(keepers);
  config.version = version;
  return config;
}

std::vector<std::string> told(const std::vector<model::Event>& events) {
  std::vector<std::string> out;
  for (const model::Event& event : events) {
    const auto host = event.payload.find("host");
    out.push_back(event.type + (host == event.payload.end()
                                    ? ""
                                    : " " + host->second + " " + event.payload.at("address")));
  }
  return out;
}

TEST(EventsOf, WhatCameAndWhatWent) {
  const model::KeeperConfig k1{"k1", at(7000), 0}, k2{"k2", at(7001), 0};
  model::KeeperConfig k1_elsewhere = k1;
  k1_elsewhere.address = at(7009);
  struct Case {
    const char* name;
    std::optional<std::vector<model::KeeperConfig>> before;
    std::vector<model::KeeperConfig> after;
    std::vector<std::string> events;
  };
  const std::vector<Case> cases = {
      {"a new shard without keepers", std::nullopt, {}, {"configChanged"}},
      {"a new shard with keepers",
       std::nullopt,
       {k1, k2},
       {"keeperAdd k1 127.0.0.1:7000", "keeperAdd k2 127.0.0.1:7001"}},
      {"one came", {{k1}}, {k1, k2}, {"keeperAdd k2 127.0.0.1:7001"}},
      {"one went", {{k1, k2}}, {k2}, {"keeperDelete k1 127.0.0.1:7000"}},
      {"the last one went", {{k1}}, {}, {"keeperDelete k1 127.0.0.1:7000"}},
      {"one for another", {{k1}}, {k2}, {"keeperAdd k2 127.0.0.1:7001", "keeperDelete k1 127.0.0.1:7000"}},
      {"one moved",
       {{k1}},
       {k1_elsewhere},
       {"keeperAdd k1 127.0.0.1:7009", "keeperDelete k1 127.0.0.1:7000"}},
      {"the same keepers", {{k1}}, {k1}, {"configChanged"}},
      {"in another order", {{k1, k2}}, {k2, k1}, {"configChanged"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::optional<model::ShardConfig> before;
    if (c.before) before = config_of(*c.before, 1);
    const auto events = events_of(before, config_of(c.after, 2));
    EXPECT_EQ(told(events), c.events);
    for (const model::Event& event : events) {
      EXPECT_EQ(event.version, 2u);
      EXPECT_EQ(event.shard, "s1");
      EXPECT_EQ(event.id, "");
    }
  }
}

}  // namespace
}  // namespace penstock::console
