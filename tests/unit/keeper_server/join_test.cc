// A keeper that has nothing joins one that has: it takes over the log and the history, and no RDB moves until
// a replica needs one.
#include <gmock/gmock.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

void write_some(const Redis& master, const std::string& key, int count = 100) {
  RespConnection client(master.port());
  for (int i = 0; i < count; ++i)
    client.call({"SET", key + std::to_string(i), std::string(static_cast<std::size_t>(100 + i), 'v')});
}

bool has_caught_up(const Redis& master, const AnyKeeper& keeper) {
  return wait_until(
      [&] { return keeper.is_connected() && keeper.offset() == master.number("master_repl_offset"); });
}

class Join : public testing::Test {
 protected:
  Join() {
    write_some(master_, "before");
    EXPECT_EQ(first_.order("ACTIVE", master_.port(), 1), "+OK");
    EXPECT_TRUE(wait_until([&] { return first_.is_connected(); }));
    write_some(master_, "early");
  }

  Redis master_;
  LocalKeeper first_;
};

TEST_F(Join, MovesNoRdbAndTakesTheWholeLog) {
  LocalKeeper second, third;
  ASSERT_EQ(second.order("BACKUP", first_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second)) << second.info("keeper_upstream_error");
  EXPECT_EQ(second.state("replid"), master_.info("master_replid"));
  EXPECT_EQ(second.number("log_first"), first_.number("log_first"));
  EXPECT_EQ(second.number("full_syncs"), 0);
  EXPECT_EQ(second.number("rdb_offset"), -1);
  EXPECT_EQ(first_.number("full_syncs_served"), 0);

  // It holds data: an upstream that comes back empty does not get past it.
  FakeMaster empty([](Link& link) {
    if (!FakeMaster::greet(link)) return;
    const std::string rdb = rdb_with("");
    link.send("+FULLRESYNC " + std::string(kReplid) + " 1\r\n$" + std::to_string(rdb.size()) + "\r\n" + rdb);
    FakeMaster::stay(link);
  });
  ASSERT_EQ(second.order("BACKUP", empty.port(), 2), "+OK");
  EXPECT_TRUE(wait_until([&] { return second.state("link") == "held"; })) << second.state("link");

  second.stop();
  second.start();
  EXPECT_EQ(second.state("replid"), master_.info("master_replid"));
  EXPECT_EQ(second.number("log_first"), first_.number("log_first"));
}

TEST_F(Join, SucceedsTheOneItJoinedWithoutAFullSync) {
  Redis replica;
  replica.follow(first_.port());
  ASSERT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  LocalKeeper second;
  ASSERT_EQ(second.order("BACKUP", first_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));

  // The replica was away for all that the second keeper has been there.
  const auto asked = first_.number("log_first");
  first_.stop();
  ASSERT_EQ(second.order("ACTIVE", master_.port(), 2), "+OK");
  RespConnection old_replica(second.port());
  old_replica.send_command({"PSYNC", master_.info("master_replid"), std::to_string(asked)});
  EXPECT_EQ(old_replica.read_line(), "+CONTINUE " + master_.info("master_replid"));
  replica.follow(second.port());
  write_some(master_, "after");
  EXPECT_TRUE(wait_until([&] { return replica.link_is_up() && replica.digest() == master_.digest(); }));
  EXPECT_EQ(second.number("full_syncs_served"), 0);
  EXPECT_EQ(master_.number("sync_full"), 1);
}

TEST_F(Join, FetchesAnRdbWhenAReplicaNeedsOne) {
  LocalKeeper second;
  ASSERT_EQ(second.order("ACTIVE", first_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));
  Redis replica;
  replica.follow(second.port());
  ASSERT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  write_some(master_, "after");
  EXPECT_TRUE(wait_until([&] { return replica.digest() == master_.digest(); }));
  EXPECT_EQ(second.number("full_syncs_served"), 1);
  EXPECT_EQ(second.number("full_syncs"), 0) << "the history is the same, only an RDB came";
  EXPECT_EQ(first_.number("full_syncs_served"), 1);
  EXPECT_EQ(master_.number("sync_full"), 1) << "the master has nothing to do with it";
}

TEST_F(Join, AReplicaThatNeedsAnRdbWaitsWhileNobodyHasOne) {
  LocalKeeper second;
  ASSERT_EQ(second.order("ACTIVE", first_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));
  first_.stop();
  ASSERT_TRUE(wait_until([&] { return !second.is_connected(); }));
  Redis replica;
  ASSERT_EQ(replica.say({"SET", "mine", "still here"}), "+OK");
  replica.follow(second.port());
  ASSERT_TRUE(wait_until([&] { return replica.log().find("NOMASTERLINK") != std::string::npos; }))
      << replica.log();
  EXPECT_EQ(replica.say({"GET", "mine"}), "+still here");

  // Promoted: there is a master again, whom an RDB can be had from.
  ASSERT_EQ(second.order("ACTIVE", master_.port(), 2), "+OK");
  EXPECT_TRUE(wait_until([&] { return replica.link_is_up() && replica.digest() == master_.digest(); }));
  EXPECT_EQ(second.number("full_syncs"), 0);
}

TEST_F(Join, WaitsForAnUpstreamThatHasNothingYet) {
  LocalKeeper empty, second;
  ASSERT_EQ(second.order("BACKUP", empty.port(), 1), "+OK");
  ASSERT_TRUE(wait_until(
      [&] { return second.info("keeper_upstream_error").find("no history yet") != std::string::npos; }));
  ASSERT_EQ(empty.order("ACTIVE", master_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));
  EXPECT_EQ(second.number("full_syncs"), 0);
  EXPECT_EQ(empty.number("full_syncs"), 1);
}

TEST_F(Join, BeginsWhereItsBudgetBegins) {
  StoreOptions small;
  small.segment_bytes = 64 << 10;
  LocalKeeper with_segments(small);
  ASSERT_EQ(with_segments.order("ACTIVE", first_.port(), 1), "+OK");
  write_some(master_, "many", 3000);
  ASSERT_TRUE(has_caught_up(master_, with_segments));
  small.log_bytes_max = 2 << 20;
  LocalKeeper second(small);
  ASSERT_EQ(second.order("BACKUP", with_segments.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));
  EXPECT_EQ(second.number("full_syncs"), 0);
  EXPECT_LE(second.offset() - second.number("log_first"), 2 << 20);
  EXPECT_GE(second.offset() - second.number("log_first"), 512 << 10);
}

TEST_F(Join, ALogThatBeginsBehindTheRdbGetsANewerOne) {
  StoreOptions small;
  small.segment_bytes = 16 << 10;
  LocalKeeper with_rdb(small);
  ASSERT_EQ(with_rdb.order("ACTIVE", master_.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, with_rdb));
  const auto rdb_offset = with_rdb.number("rdb_offset");
  write_some(master_, "many", 2000);
  ASSERT_TRUE(has_caught_up(master_, with_rdb));
  small.log_bytes_max = 64 << 10;
  LocalKeeper second(small);
  ASSERT_EQ(second.order("ACTIVE", with_rdb.port(), 1), "+OK");
  ASSERT_TRUE(has_caught_up(master_, second));
  ASSERT_GT(second.number("log_first"), rdb_offset + 1);
  Redis replica;
  replica.follow(second.port());
  EXPECT_TRUE(wait_until([&] { return replica.link_is_up() && replica.digest() == master_.digest(); }))
      << second.info("keeper_upstream_error");
  EXPECT_GT(with_rdb.number("rdb_offset"), rdb_offset);
  EXPECT_EQ(second.number("full_syncs") + with_rdb.number("full_syncs"), 1);
}

TEST(OldIds, AreAllTakenOverByWhoJoinsAndWhoWasAsleep) {
  constexpr std::int64_t kStart = 1000;
  const std::string ids[] = {std::string(40, 'a'), std::string(40, 'b'), std::string(40, 'c')};
  const std::string command = set_command("k", "v");
  const auto length = static_cast<std::int64_t>(command.size());
  // The master's history changes its id twice, after one command each.
  std::atomic<int> life = 0;
  FakeMaster::Script script = [&](Link& link) {
    const auto psync = FakeMaster::greet(link);
    if (!psync) return;
    const std::string rdb = rdb_with("x");
    if (psync->at(1) == "?")
      link.send("+FULLRESYNC " + ids[0] + " " + std::to_string(kStart) + "\r\n$" +
                std::to_string(rdb.size()) + "\r\n" + rdb);
    else
      link.send("+CONTINUE " + ids[life.load()] + "\r\n");
    link.send(command);
    FakeMaster::stay(link);
  };
  FakeMaster master(script);
  LocalKeeper first, asleep;
  ASSERT_EQ(first.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return first.offset() == kStart + length; }));
  ASSERT_EQ(asleep.order("BACKUP", first.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return asleep.offset() == kStart + length; }));
  asleep.stop();
  for (const int next : {1, 2}) {
    life = next;
    master.play(script);
    ASSERT_TRUE(wait_until([&] { return first.offset() == kStart + (next + 1) * length; }));
  }
  LocalKeeper joins;
  ASSERT_EQ(joins.order("BACKUP", first.port(), 1), "+OK");
  asleep.start();
  for (LocalKeeper* keeper : {&first, &joins, &asleep}) {
    ASSERT_TRUE(wait_until([&] { return keeper->state("replid") == ids[2] && keeper->is_connected(); }));
    ASSERT_EQ(keeper->order("ACTIVE", 0, 5), "+OK");
    for (int age = 0; age < 2; ++age) {
      const std::int64_t limit = kStart + (age + 1) * length + 1;
      RespConnection replica(keeper->port());
      replica.send_command({"PSYNC", ids[age], std::to_string(limit)});
      EXPECT_EQ(replica.read_line(), "+CONTINUE " + ids[2]) << "age " << age;
    }
    EXPECT_EQ(keeper->say({"KEEPER", "HISTORY", "0"}),
              "+HISTORY " + ids[2] + " " + std::to_string(kStart + 3 * length) + " " +
                  std::to_string(kStart + 3 * length) + " data " + ids[1] + ":" +
                  std::to_string(kStart + 2 * length + 1) + " " + ids[0] + ":" +
                  std::to_string(kStart + length + 1));
  }
  EXPECT_EQ(joins.number("full_syncs"), 0);
  EXPECT_EQ(asleep.number("full_syncs"), 0);
}

TEST(History, IsAnsweredInALineOrWithAReason) {
  LocalKeeper keeper;
  EXPECT_THAT(keeper.say({"KEEPER", "HISTORY", "1000"}),
              HasSubstr("-NOMASTERLINK this keeper has no history"));
  for (const resp::Command& bad : {resp::Command{"KEEPER", "HISTORY"},
                                   {"KEEPER", "HISTORY", "x"},
                                   {"KEEPER", "HISTORY", "-1"},
                                   {"KEEPER", "HISTORY", "1", "2"}})
    EXPECT_THAT(keeper.say(bad), StartsWith("-ERR HISTORY"));
}

}  // namespace
}  // namespace penstock::keeper
