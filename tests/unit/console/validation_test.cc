#include "console/core/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "some_inventory.h"

namespace penstock::console {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// What a case expects: an Addition, or an error of a code whose message begins with a field and contains a
/// word.
struct Verdict {
  std::optional<Addition> addition;
  Errc code = Errc::internal;
  std::string begins, contains;
};
Verdict fresh() {
  return {Addition::fresh, {}, "", ""};
}
Verdict there() {
  return {Addition::already_there, {}, "", ""};
}
Verdict invalid(std::string field, std::string contains = "") {
  return {{}, Errc::invalid_argument, field + ":", contains};
}
Verdict conflict(std::string begins, std::string contains = "") {
  return {{}, Errc::conflict, begins, contains};
}
Verdict not_found(std::string contains) {
  return {{}, Errc::not_found, "", contains};
}

void check(const std::string& name, const Result<Addition>& result, const Verdict& wanted) {
  SCOPED_TRACE(name);
  ASSERT_EQ(bool(result), wanted.addition.has_value()) << (result ? "" : result.error().text());
  if (result) {
    EXPECT_EQ(result.value(), *wanted.addition);
    return;
  }
  EXPECT_EQ(result.error().code, wanted.code) << result.error().text();
  EXPECT_THAT(result.error().message, StartsWith(wanted.begins));
  EXPECT_THAT(result.error().message, HasSubstr(wanted.contains));
}

TEST(Validation, Dcs) {
  struct Case {
    const char* name;
    std::function<void(Dc&)> change;
    Verdict wanted;
  };
  const std::vector<Case> cases = {
      {"another one", [](Dc&) {}, fresh()},
      {"no name", [](Dc& dc) { dc.name = ""; }, invalid("name")},
      {"a path as name", [](Dc& dc) { dc.name = "a/b"; }, invalid("name")},
      {"dots as name", [](Dc& dc) { dc.name = ".."; }, invalid("name")},
      {"a long name", [](Dc& dc) { dc.name = std::string(65, 'a'); }, invalid("name")},
      {"the longest name", [](Dc& dc) { dc.name = std::string(64, 'a'); }, fresh()},
      {"no ZooKeeper", [](Dc& dc) { dc.zookeeper = ""; }, invalid("zookeeper")},
      {"a host name", [](Dc& dc) { dc.zookeeper = "zk1:2181"; }, invalid("zookeeper", "zk1")},
      {"three servers", [](Dc& dc) { dc.zookeeper = "127.0.0.1:1,127.0.0.1:2,[::1]:3"; }, fresh()},
      {"a comma at the end", [](Dc& dc) { dc.zookeeper = "127.0.0.1:1,"; }, invalid("zookeeper")},
      {"the second one wrong", [](Dc& dc) { dc.zookeeper = "127.0.0.1:1,127.0.0.1:0"; },
       invalid("zookeeper", "port 0")},
      {"a chroot in the servers", [](Dc& dc) { dc.zookeeper = "127.0.0.1:2181/penstock"; },
       invalid("zookeeper")},
      {"a relative chroot", [](Dc& dc) { dc.chroot = "penstock"; }, invalid("chroot")},
      {"no chroot", [](Dc& dc) { dc.chroot = ""; }, invalid("chroot")},
      {"a slash behind the chroot", [](Dc& dc) { dc.chroot = "/penstock/"; }, invalid("chroot")},
      {"the root", [](Dc& dc) { dc.chroot = "/"; }, fresh()},
      {"no metaserver", [](Dc& dc) { dc.metaservers.clear(); }, invalid("metaservers")},
      {"quorum 0", [](Dc& dc) { dc.sentinel_quorum = 0; }, invalid("sentinelQuorum")},
      {"quorum of all", [](Dc& dc) { dc.sentinel_quorum = 3; }, fresh()},
      {"quorum of more", [](Dc& dc) { dc.sentinel_quorum = 4; }, invalid("sentinelQuorum")},
      {"no Sentinels", [](Dc& dc) { dc.sentinels.clear(); }, fresh()},
      {"a relative script", [](Dc& dc) { dc.sentinel_reconfig_script = "hook"; },
       invalid("sentinelReconfigScript")},
      {"no script", [](Dc& dc) { dc.sentinel_reconfig_script = ""; }, fresh()},
  };
  for (const Case& c : cases) {
    Dc dc = some_dc("south", 2300);
    c.change(dc);
    check(c.name, check_dc(some_inventory(), dc), c.wanted);
  }
}

TEST(Validation, ADcAgain) {
  const Inventory inventory = some_inventory();
  check("the same", check_dc(inventory, *inventory.dc("east")), there());
  Dc moved = *inventory.dc("east");
  moved.chroot = "/elsewhere";
  check("differs", check_dc(inventory, moved), conflict("data center 'east'"));
}

TEST(Validation, Clusters) {
  struct Case {
    const char* name;
    std::function<void(Cluster&)> change;
    Verdict wanted;
  };
  const std::vector<Case> cases = {
      {"another one", [](Cluster&) {}, fresh()},
      {"no name", [](Cluster& c) { c.name = ""; }, invalid("name")},
      {"a reserved name", [](Cluster& c) { c.name = "metrics"; }, invalid("name", "reserved")},
      {"the name of the API", [](Cluster& c) { c.name = "api"; }, invalid("name", "reserved")},
      {"mode strict", [](Cluster& c) { c.mode = "strict"; }, invalid("mode")},
      {"policy builtin", [](Cluster& c) { c.policy = "builtin"; }, invalid("policy")},
      {"no active DC", [](Cluster& c) { c.active_dc = ""; }, invalid("activeDc")},
      {"an unknown active DC", [](Cluster& c) { c.active_dc = "nowhere"; }, invalid("activeDc", "nowhere")},
      {"an unknown backup DC", [](Cluster& c) { c.backup_dcs = {"nowhere"}; },
       invalid("backupDcs", "nowhere")},
      {"a backup DC twice", [](Cluster& c) { c.backup_dcs = {"west", "west"}; },
       invalid("backupDcs", "west")},
      {"the active one as backup", [](Cluster& c) { c.backup_dcs = {"east"}; }, invalid("backupDcs", "east")},
      {"no backup DC", [](Cluster& c) { c.backup_dcs.clear(); }, fresh()},
      {"three DCs", [](Cluster& c) { c.backup_dcs = {"west", "north"}; }, fresh()},
  };
  for (const Case& c : cases) {
    Cluster cluster = some_cluster();
    cluster.name = "users";
    c.change(cluster);
    check(c.name, check_cluster(some_inventory(), cluster), c.wanted);
  }
}

TEST(Validation, AClusterAgain) {
  const Inventory inventory = some_inventory();
  Cluster cluster = some_cluster();
  cluster.shards.clear();
  cluster.cluster_epoch = 1;
  check("the same", check_cluster(inventory, cluster), there());
  cluster.active_dc = "west";
  cluster.backup_dcs = {"east"};
  check("before a switch", check_cluster(inventory, cluster), there());
  cluster.backup_dcs = {"east", "north"};
  check("another DC more", check_cluster(inventory, cluster), conflict("cluster 'orders'"));
  cluster.backup_dcs = {"north"};
  check("other DCs", check_cluster(inventory, cluster), conflict("cluster 'orders'"));
}

TEST(Validation, Shards) {
  const Inventory inventory = some_inventory();
  check("another one", check_shard(inventory, "orders", "s2"), fresh());
  check("again", check_shard(inventory, "orders", "s1"), there());
  check("no such cluster", check_shard(inventory, "users", "s1"), not_found("'users'"));
  check("no name", check_shard(inventory, "orders", ""), invalid("name"));
  for (const char* name : {"backup", "active", "upstreamchanged"})
    check(name, check_shard(inventory, "orders", name), invalid("name", "reserved"));
}

TEST(Validation, Redises) {
  struct Case {
    const char* name;
    const char *cluster, *shard;
    Redis redis;
    Verdict wanted;
  };
  const std::vector<Case> cases = {
      {"another replica", "orders", "s1", {"west", at(6390), false}, fresh()},
      {"the first master", "orders", "s2", {"east", at(6390), true}, fresh()},
      {"no such cluster", "users", "s1", {"east", at(6390), false}, not_found("'users'")},
      {"no such shard", "orders", "s9", {"east", at(6390), false}, not_found("'s9'")},
      {"no such DC", "orders", "s1", {"nowhere", at(6390), false}, not_found("dc: ")},
      {"a DC of other clusters", "orders", "s1", {"north", at(6390), false}, invalid("dc", "north")},
      {"exactly it", "orders", "s1", {"east", at(6379), true}, there()},
      {"it, no longer master", "orders", "s1", {"east", at(6379), false}, conflict("address:")},
      {"it, in another DC", "orders", "s1", {"west", at(6379), true}, conflict("address:")},
      {"another shard's", "orders", "s2", {"east", at(6379), false}, conflict("address:", "orders/s1")},
      {"a keeper's", "orders", "s1", {"east", at(7000), false}, conflict("address:", "keeper of orders/s1")},
      {"another master", "orders", "s1", {"east", at(6390), true}, conflict("initialMaster:", "6379")},
      {"a master in the backup DC",
       "orders",
       "s2",
       {"west", at(6390), true},
       invalid("initialMaster", "east")},
  };
  Inventory inventory = some_inventory();
  inventory.clusters[0].shards.emplace_back().name = "s2";
  for (const Case& c : cases) check(c.name, check_redis(inventory, c.cluster, c.shard, c.redis), c.wanted);
}

TEST(Validation, Keepers) {
  struct Case {
    const char* name;
    const char *cluster, *shard;
    Keeper keeper;
    Verdict wanted;
  };
  const std::vector<Case> cases = {
      {"another one", "orders", "s1", {"east", "k3", at(7010), 0}, fresh()},
      {"of another shard on the same host", "orders", "s2", {"east", "k1", at(7010), 0}, fresh()},
      {"no such cluster", "users", "s1", {"east", "k3", at(7010), 0}, not_found("'users'")},
      {"no such shard", "orders", "s9", {"east", "k3", at(7010), 0}, not_found("'s9'")},
      {"no such DC", "orders", "s1", {"nowhere", "k3", at(7010), 0}, not_found("dc: ")},
      {"a DC of other clusters", "orders", "s1", {"north", "k3", at(7010), 0}, invalid("dc", "north")},
      {"no host", "orders", "s1", {"east", "", at(7010), 0}, invalid("host")},
      {"exactly it", "orders", "s1", {"east", "k1", at(7000), 5}, there()},
      {"it, with another priority", "orders", "s1", {"east", "k1", at(7000), 6}, conflict("host:", "k1")},
      {"the same host twice", "orders", "s1", {"east", "k1", at(7010), 0}, conflict("host:", "7000")},
      {"the host's name in the other DC", "orders", "s1", {"west", "k1", at(7010), 0}, fresh()},
      {"another keeper's address",
       "orders",
       "s2",
       {"east", "k3", at(7000), 0},
       conflict("address:", "orders/s1")},
      {"a Redis server's address",
       "orders",
       "s1",
       {"east", "k3", at(6379), 0},
       conflict("address:", "Redis server")},
  };
  Inventory inventory = some_inventory();
  inventory.clusters[0].shards.emplace_back().name = "s2";
  for (const Case& c : cases) check(c.name, check_keeper(inventory, c.cluster, c.shard, c.keeper), c.wanted);
}

TEST(Validation, ADcInUseStays) {
  const Inventory inventory = some_inventory();
  for (const char* used : {"east", "west"}) {
    auto removal = check_dc_removal(inventory, used);
    ASSERT_FALSE(removal) << used;
    EXPECT_EQ(removal.error().code, Errc::conflict);
    EXPECT_THAT(removal.error().message, HasSubstr("'orders'"));
  }
  EXPECT_TRUE(check_dc_removal(inventory, "north"));
  EXPECT_EQ(check_dc_removal(inventory, "nowhere").error().code, Errc::not_found);
}

TEST(Validation, SwitchTargets) {
  Inventory inventory = some_inventory();
  EXPECT_TRUE(check_switch_target(inventory, "orders", "west"));
  EXPECT_TRUE(check_switch_target(inventory, "orders", "east")) << "brings a split cluster back";
  const auto refused = [&](const char* cluster, const char* target) {
    return check_switch_target(inventory, cluster, target).error();
  };
  EXPECT_EQ(refused("users", "west").code, Errc::not_found);
  EXPECT_EQ(refused("orders", "nowhere").code, Errc::invalid_argument);
  EXPECT_THAT(refused("orders", "nowhere").message, StartsWith("target:"));
  EXPECT_EQ(refused("orders", "north").code, Errc::invalid_argument);
  EXPECT_THAT(refused("orders", "north").message, StartsWith("target:"));
  inventory.clusters[0].shards.clear();
  EXPECT_EQ(refused("orders", "west").code, Errc::conflict);
}

}  // namespace
}  // namespace penstock::console
