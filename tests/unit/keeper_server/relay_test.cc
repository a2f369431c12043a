// Keepers between real Redis servers: full sync, byte-exact relay, continuing after deaths.
#include <gmock/gmock.h>

#include <random>

#include "keepers.h"

namespace penstock::keeper {
namespace {

using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;

std::string random_bytes(std::size_t count) {
  static std::minstd_rand random{4711};
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

/// A bit of everything that travels on a replication stream, which rests afterwards.
void write_mixed_load(std::uint16_t port) {
  RespConnection master(port);
  const auto must = [&](const resp::Command& command) {
    const resp::Value reply = master.call(command);
    ASSERT_EQ(reply.error(), nullptr) << command[0] << ": " << test::text_of(reply);
  };
  for (int i = 0; i < 300; ++i)
    must({"set", "key:" + std::to_string(i), random_bytes(static_cast<std::size_t>(i))});
  must({"SELECT", "3"});
  must({"HSET", "hash", "field", random_bytes(100), "other", std::string("\r\n*3\r\n$3\r\n\0", 12)});
  must({"MULTI"});
  must({"INCR", "counter"});
  must({"SELECT", "0"});
  must({"RPUSH", "list", random_bytes(1000), "b", ""});
  must({"EXEC"});
  must({"SET", "large", random_bytes(5 << 20)});
  must({"SET", "short-lived", "x", "PX", "1"});
  must({"SET", "long-lived", "x", "EX", "1000"});
  must({"EVAL", "redis.call('SET','a',1) redis.call('SET','b',2) return 1", "0"});
  must({"XADD", "stream", "*", "field", "value"});
  must({"PUBLISH", "channel", "message"});
  must({"DEL", "key:1", "key:2"});
  // A key that has expired is deleted everywhere by what its master says when it notices. It does when it is
  // asked: the stream rests from then on, and copies at the same offset are equal.
  EXPECT_TRUE(wait_until([&] { return test::text_of(master.call({"EXISTS", "short-lived"})) == ":0"; }));
}

/// Waits until everything that the master has written is at the replica.
bool caught_up(const Redis& master, const Redis& replica) {
  return wait_until([&] {
    return replica.link_is_up() && replica.number("slave_repl_offset") == master.number("master_repl_offset");
  });
}

class FullSync : public testing::TestWithParam<const char*> {};

TEST_P(FullSync, RelaysByteForByte) {
  Redis master({"--repl-diskless-sync", GetParam()});
  write_mixed_load(master.port());
  KeeperProcess keeper(master.port());
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); })) << keeper.log();
  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), master.digest()) << keeper.log();

  write_mixed_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), master.digest()) << keeper.log();
  EXPECT_EQ(replica.info("master_replid"), master.info("master_replid"));
  EXPECT_EQ(keeper.state("replid"), master.info("master_replid"));
  EXPECT_EQ(master.number("sync_full"), 1);
  EXPECT_EQ(keeper.number("full_syncs"), 1);
  EXPECT_EQ(keeper.number("full_syncs_served"), 1);
}

INSTANTIATE_TEST_SUITE_P(BothFramings, FullSync, testing::Values("no", "yes"), [](const auto& param) {
  return param.param == std::string("no") ? "disk" : "diskless";
});

TEST(Relay, CountsForWaitAndLooksLikeAReplica) {
  Redis master;
  KeeperProcess keeper(master.port());
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  RespConnection client(master.port());
  client.call({"SET", "a", "1"});
  EXPECT_EQ(test::text_of(client.call({"WAIT", "1", "5000"})), ":1");

  EXPECT_EQ(keeper.info("role"), "slave");
  EXPECT_EQ(keeper.info("slave_priority"), "0");
  EXPECT_EQ(keeper.info("master_host"), "127.0.0.1");
  EXPECT_EQ(keeper.info("master_port"), std::to_string(master.port()));
  EXPECT_EQ(keeper.info("master_link_status"), "up");
  EXPECT_EQ(keeper.info("master_replid"), master.info("master_replid"));
  EXPECT_EQ(keeper.info("run_id").size(), 40u);
  const std::string role = keeper.say({"ROLE"});
  EXPECT_THAT(role, testing::StartsWith("[+slave, +127.0.0.1, :" + std::to_string(master.port()) +
                                        ", +connected, :"));
  EXPECT_THAT(master.info("slave0"),
              HasSubstr("ip=127.0.0.1,port=" + std::to_string(keeper.port()) + ",state=online"));

  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(caught_up(master, replica));
  EXPECT_EQ(keeper.info("connected_slaves"), "1");
  EXPECT_THAT(keeper.info("slave0"), HasSubstr(",port=" + std::to_string(replica.port()) + ",state=online"));
  EXPECT_EQ(keeper.state("replicas"), "1");
}

TEST(Relay, KilledKeeperContinuesAfterRestartWithoutAFullSync) {
  Redis master;
  KeeperProcess keeper(master.port());
  Redis replica;
  replica.follow(keeper.port());
  write_mixed_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  for (int round = 0; round < 3; ++round) {
    keeper.kill();
    write_mixed_load(master.port());
    keeper.start();
    ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
    // An expired key goes from each copy at its own moment: equal in the end, not at any moment.
    EXPECT_EQ(replica.digest(), master.digest()) << keeper.log();
  }
  EXPECT_EQ(master.number("sync_full"), 1);
  EXPECT_EQ(keeper.number("full_syncs"), 1);
  EXPECT_EQ(keeper.number("full_syncs_served"), 0) << keeper.log();  // counted since the restart
}

TEST(Relay, KilledUnderLoadLosesNothing) {
  Redis master;
  KeeperProcess keeper(master.port());
  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(caught_up(master, replica));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    RespConnection client(master.port());
    for (int i = 0; !stop; ++i) {
      client.call({"MULTI"});
      client.call(
          {"SET", "key:" + std::to_string(i % 1000), std::string(200, static_cast<char>('a' + i % 26))});
      client.call({"INCR", "count"});
      client.call({"EXEC"});
    }
  });
  for (int round = 0; round < 4; ++round) {
    const std::int64_t before = keeper.offset();
    wait_until([&] { return keeper.offset() > before + 20'000; });
    keeper.kill();
    keeper.start();
    wait_until([&] { return keeper.is_connected(); });
  }
  stop = true;
  writer.join();
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), master.digest()) << keeper.log();
  EXPECT_EQ(master.number("sync_full"), 1);
  EXPECT_EQ(keeper.number("full_syncs_served"), 0) << keeper.log();
}

TEST(Relay, APromotionFlowsDownAChainWithoutAFullSync) {
  Redis master, standby;
  standby.follow(master.port());
  KeeperProcess near(master.port());
  ASSERT_TRUE(wait_until([&] { return near.is_connected(); }));
  KeeperProcess far(near.port());
  Redis remote;
  remote.follow(far.port());
  write_mixed_load(master.port());
  ASSERT_TRUE(caught_up(master, standby));
  ASSERT_TRUE(caught_up(master, remote)) << far.log();
  const std::string old_id = master.info("master_replid");

  master.kill();
  ASSERT_EQ(test::text_of(standby.call({"REPLICAOF", "NO", "ONE"})), "+OK");
  const std::string new_id = standby.info("master_replid");
  ASSERT_NE(new_id, old_id);
  write_mixed_load(standby.port());
  EXPECT_EQ(near.say({"REPLICAOF", "127.0.0.1", std::to_string(standby.port())}), "+OK");
  ASSERT_TRUE(caught_up(standby, remote)) << near.log() << far.log();
  EXPECT_EQ(remote.digest(), standby.digest()) << near.log() << far.log();
  EXPECT_EQ(remote.info("master_replid"), new_id);
  EXPECT_EQ(near.state("replid"), new_id);
  EXPECT_EQ(near.state("replid2"), old_id);
  EXPECT_EQ(far.state("replid"), new_id);
  EXPECT_EQ(standby.number("sync_full"), 0);
  for (const KeeperProcess* keeper : {&near, &far}) {
    EXPECT_EQ(keeper->number("full_syncs"), keeper == &near ? 1 : 0) << keeper->log();
    EXPECT_EQ(keeper->number("full_syncs_served"), 1) << keeper->log();
  }
}

TEST(Relay, AReplicaAheadOfAKeeperThatWasLateWaitsForIt) {
  Redis master;
  KeeperProcess active(master.port());
  Redis replica;
  replica.follow(active.port());
  KeeperProcess late(active.port());
  ASSERT_TRUE(caught_up(master, replica));
  ASSERT_TRUE(wait_until([&] { return late.is_connected(); }));
  late.process().freeze();
  for (int i = 0; i < 3; ++i) write_mixed_load(master.port());  // more than sockets hold
  ASSERT_TRUE(caught_up(master, replica));
  active.kill();
  late.process().thaw();
  ASSERT_TRUE(wait_until([&] { return late.state("link") == "connecting"; }));

  ASSERT_LT(late.offset(), replica.number("slave_repl_offset"));
  replica.follow(late.port());
  ASSERT_TRUE(wait_until([&] { return replica.log().find("Trying a partial resync") != std::string::npos; }));
  EXPECT_EQ(replica.info("master_link_status"), "down");
  EXPECT_EQ(late.say({"REPLICAOF", "127.0.0.1", std::to_string(master.port())}), "+OK");
  ASSERT_TRUE(caught_up(master, replica)) << late.log();
  EXPECT_EQ(replica.digest(), master.digest()) << late.log();
  EXPECT_EQ(late.number("full_syncs_served"), 0) << late.log();
  EXPECT_EQ(master.number("sync_full"), 1);
}

TEST(Relay, TwoPromotionsFlowDownThreeKeepersAlsoToWhoWasAsleep) {
  Redis first, second, third;
  second.follow(first.port());
  third.follow(second.port());
  KeeperProcess a(first.port());
  ASSERT_TRUE(wait_until([&] { return a.is_connected(); }));
  KeeperProcess b(a.port()), c(b.port()), asleep(b.port());
  Redis end, sleeper;
  end.follow(c.port());
  sleeper.follow(asleep.port());
  write_mixed_load(first.port());
  ASSERT_TRUE(caught_up(first, third) && caught_up(first, end) && caught_up(first, sleeper)) << c.log();
  asleep.process().freeze();
  const Redis* masters[] = {&first, &second, &third};
  std::vector<std::string> ids{first.info("master_replid")};
  for (const int next : {1, 2}) {
    ASSERT_TRUE(caught_up(*masters[next - 1], third));
    ASSERT_EQ(masters[next]->say({"REPLICAOF", "NO", "ONE"}), "+OK");
    ids.push_back(masters[next]->info("master_replid"));
    ASSERT_EQ(a.say({"REPLICAOF", "127.0.0.1", std::to_string(masters[next]->port())}), "+OK");
    write_mixed_load(masters[next]->port());
    ASSERT_TRUE(caught_up(*masters[next], end)) << a.log() << b.log() << c.log();
  }
  asleep.process().thaw();
  ASSERT_TRUE(caught_up(third, sleeper)) << asleep.log();
  EXPECT_EQ(end.digest(), third.digest()) << c.log();
  EXPECT_EQ(sleeper.digest(), third.digest()) << asleep.log();
  for (const KeeperProcess* keeper : {&a, &b, &c, &asleep}) {
    EXPECT_EQ(keeper->state("replid"), ids[2]);
    EXPECT_EQ(keeper->state("replid2"), ids[1]);
    EXPECT_THAT(keeper->say({"KEEPER", "HISTORY", "0"}), HasSubstr(" " + ids[0] + ":")) << keeper->log();
    EXPECT_EQ(keeper->number("full_syncs"), keeper == &a ? 1 : 0) << keeper->log();
  }
  for (const Redis* redis : {&first, &second, &third}) EXPECT_LE(redis->number("sync_full"), 2);
  EXPECT_EQ(third.number("sync_full"), 0);
  // Each has given one RDB: to its replica, or to the keeper below it that needed one for its replica.
  EXPECT_EQ(c.number("full_syncs_served"), 1);
  EXPECT_EQ(asleep.number("full_syncs_served"), 1);
}

TEST(Relay, AMasterThatDiesInATransactionCostsNoFullSync) {
  Redis standby;
  // The master is one of ours: what is on the wire when it dies is up to the test.
  Redis master;
  standby.follow(master.port());
  KeeperProcess keeper(master.port());
  Redis replica;
  replica.follow(keeper.port());
  write_mixed_load(master.port());
  ASSERT_TRUE(caught_up(master, standby));
  ASSERT_TRUE(caught_up(master, replica));
  const std::int64_t before = keeper.offset();
  // A transaction larger than the socket buffers reaches nobody whole while the replicas' side is frozen; so
  // the cut is made by hand: the frozen keeper and standby get MULTI and a part of the body, then the master
  // is gone.
  RespConnection client(master.port());
  const std::string part(1 << 20, 'x');
  keeper.process().freeze();
  standby.freeze();
  client.call({"MULTI"});
  for (int i = 0; i < 24; ++i) client.call({"SET", "part:" + std::to_string(i), part});
  EXPECT_EQ(client.call({"EXEC"}).array()->size(), 24u);
  master.kill();
  keeper.process().thaw();
  standby.thaw();
  ASSERT_TRUE(wait_until(
      [&] { return keeper.state("link") == "connecting" && standby.info("master_link_status") == "down"; }));
  EXPECT_TRUE(wait_until([&] { return keeper.offset() > before + 14; }));

  ASSERT_EQ(test::text_of(standby.call({"REPLICAOF", "NO", "ONE"})), "+OK");
  EXPECT_LT(standby.number("second_repl_offset"), keeper.offset());
  EXPECT_EQ(test::text_of(standby.call({"EXISTS", "part:0"})), ":0");
  write_mixed_load(standby.port());
  EXPECT_EQ(keeper.say({"REPLICAOF", "127.0.0.1", std::to_string(standby.port())}), "+OK");
  ASSERT_TRUE(caught_up(standby, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), standby.digest()) << keeper.log();
  EXPECT_EQ(standby.number("sync_full"), 0);
  EXPECT_EQ(keeper.number("full_syncs"), 1) << keeper.log();
  EXPECT_EQ(keeper.number("full_syncs_served"), 1) << keeper.log();
}

}  // namespace
}  // namespace penstock::keeper
