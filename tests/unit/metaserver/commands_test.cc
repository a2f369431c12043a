#include "metaserver/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

using testing::ElementsAre;

resp::Value text(std::string value) {
  return {std::move(value)};
}

resp::Value strings(std::initializer_list<std::string> words) {
  std::vector<resp::Value> values;
  for (const auto& word : words) values.push_back(text(word));
  return {std::move(values)};
}

TEST(Commands, setstate_carries_epoch_dc_and_members) {
  const SetKeeperState order{kKeeper, true, kMaster, {3, 5}, true, {kMaster, kReplica}};
  EXPECT_THAT(set_state_command(order),
              ElementsAre("KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6001", "EPOCH",
                          std::to_string((std::uint64_t{3} << 32) | 5), "ACTIVEDC", "yes", "MEMBERS",
                          "127.0.0.1:6001", "127.0.0.1:6002"));
}

TEST(Commands, setstate_without_upstream) {
  const SetKeeperState order{kKeeper, false, std::nullopt, {0, 1}, false, {}};
  EXPECT_THAT(set_state_command(order),
              ElementsAre("KEEPER", "SETSTATE", "BACKUP", "-", "0", "EPOCH", "1", "ACTIVEDC", "no"));
}

TEST(Commands, a_sentinel_without_script_is_told_so) {
  model::SentinelConfig config;
  config.master_name = "orders/s1";
  const auto commands = sentinel_settings(config);
  EXPECT_THAT(commands.back(), ElementsAre("SENTINEL", "SET", "orders/s1", "client-reconfig-script", ""));
}

const std::string kServer = "# Server\r\nrun_id:r1\r\nconfig_file:/etc/redis.conf\r\n";

TEST(ParseRedis, a_master_with_keys_in_several_databases) {
  const auto seen = parse_redis(text(
      kServer +
      "# Persistence\r\nloading:0\r\n# Stats\r\nsync_full:2\r\n# "
      "Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
      "slave0:ip=127.0.0.1,port=7001,state=online,offset=10,lag=0\r\nmaster_failover_state:no-failover\r\n"
      "master_replid:" +
      kHistory +
      "\r\nmaster_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:10\r\n"
      "second_repl_offset:-1\r\nrepl_backlog_size:67108864\r\n# "
      "Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n"
      "db12:keys=4,expires=1,avg_ttl=5\r\n"));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen.value().role, RedisRole::master);
  EXPECT_EQ(seen.value().keys, 7);
  EXPECT_EQ(seen.value().replicas, 1);
  EXPECT_EQ(seen.value().offset, 10);
  EXPECT_EQ(seen.value().full_syncs_served, 2);
  EXPECT_EQ(seen.value().backlog_size, 67108864);
  EXPECT_TRUE(seen.value().has_config_file);
  EXPECT_FALSE(seen.value().loading);
}

TEST(ParseRedis, a_replica_that_fails_over_and_has_no_config_file) {
  const auto seen = parse_redis(text(
      "# Server\r\nrun_id:r1\r\nconfig_file:\r\nloading:1\r\n# "
      "Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\n"
      "master_port:7001\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1\r\nslave_repl_offset:42\r\n"
      "master_failover_state:failover-in-progress\r\nmaster_replid:" +
      kHistory + "\r\nmaster_repl_offset:42\r\n"));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen.value().role, RedisRole::replica);
  EXPECT_EQ(seen.value().upstream, kKeeper);
  EXPECT_FALSE(seen.value().link_up);
  EXPECT_TRUE(seen.value().sync_in_progress);
  EXPECT_TRUE(seen.value().loading);
  EXPECT_EQ(seen.value().failover_state, "failover-in-progress");
  EXPECT_FALSE(seen.value().has_config_file);
}

TEST(ParseRedis, an_error_is_no_observation) {
  EXPECT_FALSE(parse_redis(resp::Value{resp::ServerError{"NOAUTH Authentication required."}}));
  EXPECT_FALSE(parse_redis(resp::Value{std::int64_t{1}}));
}

TEST(ParseSentinel, a_monitored_master) {
  const auto seen = parse_sentinel(
      strings({"name", "orders/s1", "ip", "127.0.0.1", "port", "6001", "flags",
               "master,s_down,o_down,failover_in_progress", "quorum", "2", "down-after-milliseconds", "5000",
               "failover-timeout", "10000", "client-reconfig-script", "/h"}),
      strings({"127.0.0.1", "6002"}));
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen.value().monitoring);
  EXPECT_EQ(seen.value().master, kReplica) << "the promoted one, as soon as the Sentinel names it";
  EXPECT_TRUE(seen.value().objectively_down);
  EXPECT_TRUE(seen.value().failover_in_progress);
  EXPECT_EQ(seen.value().quorum, 2);
  EXPECT_EQ(seen.value().reconfig_script, "/h");
}

TEST(ParseSentinel, an_unknown_master_is_an_answer) {
  const auto seen = parse_sentinel({resp::ServerError{"ERR No such master with that name"}}, {resp::Nil{}});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen.value().reachable);
  EXPECT_FALSE(seen.value().monitoring);
}

TEST(ParseSentinel, other_errors_are_errors) {
  EXPECT_FALSE(parse_sentinel({resp::ServerError{"NOAUTH Authentication required."}}, {resp::Nil{}}));
  EXPECT_FALSE(parse_sentinel(strings({"flags", "master"}), strings({"redis.example", "1"})));
}

}  // namespace
}  // namespace penstock::metaserver::test
