// ROLE and INFO as Redis 7.0.15 said them.
#include "common/resp/replication_info.h"

#include <gtest/gtest.h>

#include "common/resp/parser.h"

namespace penstock::resp {
namespace {

Value value_of(std::string_view bytes) {
  Parser parser;
  EXPECT_TRUE(parser.feed(bytes));
  auto value = parser.next();
  EXPECT_TRUE(value && value.value()) << bytes;
  return value && value.value() ? *std::move(value).value() : Value{};
}
Value text(std::string_view bytes) {
  return {std::string(bytes)};
}

constexpr std::string_view kReplid = "bce421b265cefac4c68a15c96f483369863b6031";
constexpr std::string_view kNoReplid = "0000000000000000000000000000000000000000";

constexpr std::string_view kMasterInfo =
    "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
    "slave0:ip=127.0.0.1,port=60279,state=online,offset=50,lag=0\r\n"
    "slave1:ip=127.0.0.1,port=38399,state=wait_bgsave,offset=0,lag=3\r\n"
    "master_failover_state:no-failover\r\nmaster_replid:bce421b265cefac4c68a15c96f483369863b6031\r\n"
    "master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:50\r\nsecond_repl_offset:-"
    "1\r\n"
    "repl_backlog_active:1\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:1\r\n"
    "repl_backlog_histlen:50\r\n\r\n";

constexpr std::string_view kReplicaInfo =
    "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:48605\r\nmaster_link_status:up\r\n"
    "master_last_io_seconds_ago:1\r\nmaster_sync_in_progress:0\r\nslave_read_repl_offset:52\r\n"
    "slave_repl_offset:51\r\nslave_priority:100\r\nslave_read_only:1\r\nreplica_announced:1\r\nconnected_"
    "slaves:0\r\n"
    "master_failover_state:no-failover\r\nmaster_replid:bce421b265cefac4c68a15c96f483369863b6031\r\n"
    "master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:50\r\nsecond_repl_offset:-"
    "1\r\n"
    "repl_backlog_active:1\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:1\r\n"
    "repl_backlog_histlen:50\r\n\r\n";

constexpr std::string_view kLonelyReplicaInfo =
    "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:44385\r\nmaster_link_status:down\r\n"
    "master_last_io_seconds_ago:-1\r\nmaster_sync_in_progress:0\r\nslave_read_repl_offset:1\r\n"
    "slave_repl_offset:1\r\nmaster_link_down_since_seconds:-1\r\nslave_priority:100\r\nslave_read_only:1\r\n"
    "replica_announced:1\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n"
    "master_replid:833215cc868f8283405b6838e3b0c23efda9f5a9\r\n"
    "master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:0\r\nsecond_repl_offset:-"
    "1\r\n"
    "repl_backlog_active:0\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:0\r\n"
    "repl_backlog_histlen:0\r\n\r\n";

TEST(RoleReply, of_a_master) {
  auto role = parse_role(
      value_of("*3\r\n$6\r\nmaster\r\n:50\r\n*2\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n60279\r\n$2\r\n50\r\n"
               "*3\r\n$3\r\n::1\r\n$4\r\n7002\r\n$2\r\n49\r\n"));
  ASSERT_TRUE(role) << role.error().message;
  EXPECT_EQ(role.value().role, Role::master);
  EXPECT_EQ(role.value().offset, 50);
  EXPECT_EQ(role.value().replicas, (std::vector<Address>{{"127.0.0.1", 60279}, {"::1", 7002}}));
  EXPECT_TRUE(role.value().upstream.empty());
  auto alone = parse_role(value_of("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"));
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone.value().replicas.empty());
}

TEST(RoleReply, of_a_replica) {
  auto role =
      parse_role(value_of("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:48605\r\n$9\r\nconnected\r\n:50\r\n"));
  ASSERT_TRUE(role) << role.error().message;
  EXPECT_EQ(role.value().role, Role::replica);
  EXPECT_EQ(role.value().upstream, (Address{"127.0.0.1", 48605}));
  EXPECT_EQ(role.value().link, "connected");
  EXPECT_EQ(role.value().offset, 50);
  auto lonely =
      parse_role(value_of("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:44385\r\n$9\r\nhandshake\r\n:-1\r\n"));
  ASSERT_TRUE(lonely);
  EXPECT_EQ(lonely.value().offset, -1);
}

TEST(RoleReply, of_a_sentinel) {
  auto role = parse_role(value_of("*2\r\n$8\r\nsentinel\r\n*1\r\n$9\r\norders/s1\r\n"));
  ASSERT_TRUE(role);
  EXPECT_EQ(role.value().role, Role::sentinel);
}

TEST(RoleReply, an_address_that_is_no_address_is_empty_not_wrong) {
  auto role = parse_role(value_of("*5\r\n$5\r\nslave\r\n$6\r\nredis1\r\n:48605\r\n$7\r\nconnect\r\n:-1\r\n"));
  ASSERT_TRUE(role);
  EXPECT_TRUE(role.value().upstream.empty());
  auto port =
      parse_role(value_of("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:70000\r\n$7\r\nconnect\r\n:-1\r\n"));
  ASSERT_TRUE(port);
  EXPECT_TRUE(port.value().upstream.empty());
}

TEST(RoleReply, anything_else_is_refused) {
  for (const char* bytes :
       {"+OK\r\n", ":1\r\n", "$-1\r\n", "-ERR x\r\n", "*0\r\n", "*1\r\n:1\r\n", "*1\r\n$6\r\nmaster\r\n",
        "*1\r\n$5\r\nslave\r\n", "*1\r\n$4\r\nking\r\n", "*3\r\n$6\r\nmaster\r\n:1\r\n:2\r\n",
        "*3\r\n$6\r\nmaster\r\n:1\r\n*1\r\n:2\r\n", "*3\r\n$6\r\nmaster\r\n:1\r\n*1\r\n*1\r\n$1\r\nx\r\n",
        "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n$5\r\n48605\r\n$9\r\nconnected\r\n:50\r\n"}) {
    auto role = parse_role(value_of(bytes));
    ASSERT_FALSE(role) << bytes;
    EXPECT_EQ(role.error().code, Errc::protocol);
  }
}

TEST(Info, lines) {
  const auto fields = parse_info(
      "# Server\r\nredis_version:7.0.15\r\n\r\n# X\nunix:1\nempty:\r\nno line\r\na:b:c\r\na:d\r\nlast:1");
  EXPECT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields.at("redis_version"), "7.0.15");
  EXPECT_EQ(fields.at("unix"), "1");
  EXPECT_EQ(fields.at("empty"), "");
  EXPECT_EQ(fields.at("a"), "d") << "the last one counts";
  EXPECT_EQ(fields.at("last"), "1");
  EXPECT_TRUE(parse_info("").empty());
}

TEST(ReplicationInfo, of_a_master) {
  auto parsed = parse_replication_info(text(kMasterInfo));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const ReplicationInfo& info = parsed.value();
  EXPECT_EQ(info.role, Role::master);
  EXPECT_EQ(info.offset, 50);
  EXPECT_EQ(info.master_repl_offset, 50);
  EXPECT_EQ(info.replid, kReplid);
  EXPECT_EQ(info.replid2, kNoReplid);
  EXPECT_EQ(info.second_offset, -1);
  EXPECT_EQ(info.failover_state, "no-failover");
  EXPECT_EQ(info.backlog_size, 1048576);
  EXPECT_FALSE(info.loading);
  EXPECT_TRUE(info.upstream.empty());
  ASSERT_EQ(info.replicas.size(), 2u);
  EXPECT_EQ(info.replicas[0].address, (Address{"127.0.0.1", 60279}));
  EXPECT_EQ(info.replicas[0].state, "online");
  EXPECT_EQ(info.replicas[0].offset, 50);
  EXPECT_EQ(info.replicas[0].lag_seconds, 0);
  EXPECT_EQ(info.replicas[1].state, "wait_bgsave");
  EXPECT_EQ(info.replicas[1].lag_seconds, 3);
}

TEST(ReplicationInfo, of_a_replica) {
  auto parsed = parse_replication_info(text(kReplicaInfo));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const ReplicationInfo& info = parsed.value();
  EXPECT_EQ(info.role, Role::replica);
  EXPECT_EQ(info.upstream, (Address{"127.0.0.1", 48605}));
  EXPECT_TRUE(info.link_up);
  EXPECT_EQ(info.last_io_seconds_ago, 1);
  EXPECT_FALSE(info.sync_in_progress);
  EXPECT_EQ(info.offset, 51) << "what it has applied";
  EXPECT_EQ(info.master_repl_offset, 50);
  EXPECT_EQ(info.replid, kReplid);
  EXPECT_TRUE(info.replicas.empty());
}

TEST(ReplicationInfo, of_a_replica_without_its_master) {
  auto parsed = parse_replication_info(text(kLonelyReplicaInfo));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed.value().link_up);
  EXPECT_EQ(parsed.value().last_io_seconds_ago, -1);
  EXPECT_EQ(parsed.value().upstream, (Address{"127.0.0.1", 44385}));
}

TEST(ReplicationInfo, of_all_of_info) {
  auto parsed = parse_replication_info(text(
      "# Server\r\nredis_version:7.0.15\r\nrun_id:aa01\r\n# Persistence\r\nloading:1\r\nasync_loading:0\r\n" +
      std::string(kMasterInfo)));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed.value().run_id, "aa01");
  EXPECT_TRUE(parsed.value().loading);
}

TEST(ReplicationInfo, numbers_that_are_none_keep_their_defaults) {
  auto parsed =
      parse_replication_info(text("role:master\r\nmaster_repl_offset:9x\r\nsecond_repl_offset:\r\nslave0:ip="
                                  "x,port=y,offset=,=,,lag\r\n"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed.value().master_repl_offset, 0);
  EXPECT_EQ(parsed.value().second_offset, -1);
  ASSERT_EQ(parsed.value().replicas.size(), 1u);
  EXPECT_TRUE(parsed.value().replicas[0].address.empty());
}

TEST(ReplicationInfo, anything_else_is_refused) {
  const Value shapes[] = {{},       {std::int64_t{1}},    {ServerError{"NOAUTH x"}},
                          text(""), text("# Server\r\n"), text("role:king\r\n")};
  for (const Value& shape : shapes) {
    auto parsed = parse_replication_info(shape);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::protocol);
  }
}

}  // namespace
}  // namespace penstock::resp
