// The hand-over of a planned switch, with Redis' own FAILOVER.
#include <gmock/gmock.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

class HandOver : public testing::Test {
 protected:
  HandOver() {
    EXPECT_EQ(order(1), "+OK");
    EXPECT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
    EXPECT_EQ(master_.say({"SET", "a", "1"}), "+OK");
    replid_ = master_.info("master_replid");
  }
  std::string order(std::uint64_t epoch) {
    return keeper_.order("ACTIVE", master_.port(), epoch, {"ACTIVEDC", "yes"});
  }
  std::string arm(std::uint64_t epoch, int ttl_ms) {
    return keeper_.say({"KEEPER", "HANDOVER", "ARM", replid_, "EPOCH", std::to_string(epoch), "TTL",
                        std::to_string(ttl_ms)});
  }
  std::string handover(const std::string& what) { return keeper_.say({"KEEPER", "HANDOVER", what}); }
  std::string fail_over(int timeout_ms = 20'000) {
    return master_.say({"FAILOVER", "TO", "127.0.0.1", std::to_string(keeper_.port()), "TIMEOUT",
                        std::to_string(timeout_ms)});
  }
  bool is_held() {
    return wait_until([&] { return keeper_.state("handover") == "held"; });
  }
  /// The master is a master again, writes, and the keeper has followed it to its new history without a full
  /// sync.
  void expect_master_again() {
    ASSERT_TRUE(wait_until([&] {
      return master_.info("role") == "master" && master_.info("master_failover_state") == "no-failover";
    }));
    EXPECT_EQ(master_.say({"SET", "again", "1"}), "+OK");
    EXPECT_NE(master_.info("master_replid"), replid_);
    EXPECT_TRUE(wait_until(
        [&] { return keeper_.is_connected() && keeper_.state("replid") == master_.info("master_replid"); }));
    EXPECT_EQ(keeper_.state("replid2"), replid_);
    EXPECT_EQ(keeper_.state("handover"), "none");
    EXPECT_EQ(keeper_.number("full_syncs"), 1);
    EXPECT_EQ(master_.number("sync_full"), 1);
    EXPECT_TRUE(wait_until([&] { return keeper_.offset() == master_.number("master_repl_offset"); }));
  }
  /// The old master is a replica of the keeper for good.
  bool master_follows() {
    return wait_until([&] {
      return master_.info("role") == "slave" && master_.info("master_failover_state") == "no-failover" &&
             master_.link_is_up();
    });
  }

  Redis master_;
  LocalKeeper keeper_;
  std::string replid_;
};

TEST_F(HandOver, AcceptedAndSwitchedToTheOtherSide) {
  LocalKeeper far;
  Redis remote;
  ASSERT_EQ(far.order("ACTIVE", keeper_.port(), 1), "+OK");
  ASSERT_EQ(remote.follow(far.port()), "+OK");
  ASSERT_TRUE(wait_until([&] { return remote.link_is_up(); }));

  ASSERT_EQ(arm(2, 60'000), "+OK");
  EXPECT_EQ(keeper_.state("handover"), "armed");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  const std::int64_t frozen = master_.number("master_repl_offset");
  EXPECT_EQ(keeper_.number("handover_offset"), frozen);
  EXPECT_EQ(keeper_.offset(), frozen);
  EXPECT_EQ(master_.info("master_failover_state"), "failover-in-progress");

  EXPECT_EQ(handover("ACCEPT"), "+OK");
  EXPECT_EQ(handover("ACCEPT"), "+OK");
  ASSERT_TRUE(master_follows());
  EXPECT_THAT(handover("ABORT"), StartsWith("-ERR"));
  EXPECT_THAT(master_.say({"SET", "b", "1"}), StartsWith("-READONLY"));
  EXPECT_EQ(keeper_.state("handover"), "accepted");
  EXPECT_EQ(keeper_.state("link"), "none");
  EXPECT_EQ(keeper_.state("upstream"), "");
  EXPECT_EQ(master_.info("master_replid"), replid_);

  // The other side takes over, and the old master follows through both keepers without a full sync.
  ASSERT_TRUE(wait_until([&] { return remote.number("slave_repl_offset") == frozen; }));
  ASSERT_EQ(remote.say({"REPLICAOF", "NO", "ONE"}), "+OK");
  ASSERT_EQ(remote.say({"SET", "written", "there"}), "+OK");
  ASSERT_EQ(far.order("ACTIVE", remote.port(), 3, {"ACTIVEDC", "yes"}), "+OK");
  ASSERT_EQ(keeper_.order("ACTIVE", far.port(), 3, {"ACTIVEDC", "no"}), "+OK");
  ASSERT_TRUE(wait_until([&] { return master_.say({"GET", "written"}) == "+there"; }));
  EXPECT_EQ(keeper_.state("handover"), "none");
  EXPECT_EQ(master_.digest(), remote.digest());
  EXPECT_EQ(keeper_.number("full_syncs"), 1);
  EXPECT_EQ(keeper_.number("full_syncs_served"), 1);  // for the far keeper's replica
  EXPECT_EQ(far.number("full_syncs"), 0) << "it joined";
  EXPECT_EQ(far.number("full_syncs_served"), 1);
  EXPECT_EQ(remote.number("sync_full"), 0);
}

TEST_F(HandOver, AbortedLeavesAMasterThatWrites) {
  ASSERT_EQ(arm(2, 60'000), "+OK");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  EXPECT_EQ(handover("ABORT"), "+OK");
  EXPECT_EQ(handover("ABORT"), "+OK");
  expect_master_again();
  EXPECT_THAT(handover("ACCEPT"), StartsWith("-ERR no hand-over is held"));
}

TEST_F(HandOver, WithoutAVerdictInTimeIsAborted) {
  ASSERT_EQ(arm(2, 2'500), "+OK");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  expect_master_again();
  EXPECT_THAT(handover("ACCEPT"), StartsWith("-ERR no hand-over is held"));
}

TEST_F(HandOver, UnarmedIsRefused) {
  ASSERT_EQ(fail_over(), "+OK");
  expect_master_again();
}

TEST_F(HandOver, EndsWithANewOrder) {
  ASSERT_EQ(arm(2, 60'000), "+OK");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  EXPECT_THAT(order(1), StartsWith("-STALEEPOCH have 2"));
  EXPECT_EQ(order(3), "+OK");
  expect_master_again();
}

TEST_F(HandOver, IsNotEndedByARepetitionOfTheOrder) {
  ASSERT_EQ(arm(1, 60'000), "+OK");
  EXPECT_EQ(order(1), "+OK");
  EXPECT_EQ(keeper_.state("handover"), "armed");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  EXPECT_EQ(order(1), "+OK");
  EXPECT_EQ(keeper_.state("handover"), "held");
  EXPECT_EQ(handover("ACCEPT"), "+OK");
  ASSERT_TRUE(master_follows());
}

TEST_F(HandOver, IsForgottenByARestartWhileHeld) {
  ASSERT_EQ(arm(2, 60'000), "+OK");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  keeper_.stop();
  keeper_.start();
  EXPECT_NE(keeper_.state("handover"), "held");
  EXPECT_THAT(handover("ACCEPT"), StartsWith("-ERR no hand-over is held"));
  expect_master_again();
}

TEST_F(HandOver, OnceAcceptedIsRememberedByARestart) {
  ASSERT_EQ(arm(2, 60'000), "+OK");
  ASSERT_EQ(fail_over(), "+OK");
  ASSERT_TRUE(is_held());
  ASSERT_EQ(handover("ACCEPT"), "+OK");
  keeper_.stop();
  keeper_.start();
  EXPECT_EQ(keeper_.state("handover"), "accepted");
  EXPECT_EQ(keeper_.state("upstream"), "");
  EXPECT_EQ(handover("ACCEPT"), "+OK");
  ASSERT_TRUE(master_follows());
  EXPECT_EQ(master_.info("master_replid"), replid_);
}

TEST_F(HandOver, ArmingIsChecked) {
  EXPECT_THAT(handover("ACCEPT"), StartsWith("-ERR no hand-over is held"));
  EXPECT_EQ(handover("ABORT"), "+OK");
  ASSERT_EQ(arm(5, 60'000), "+OK");
  EXPECT_EQ(arm(5, 60'000), "+OK");
  EXPECT_EQ(keeper_.state("epoch"), "5");
  EXPECT_THAT(handover("ACCEPT"), StartsWith("-ERR no hand-over is held"));
  EXPECT_THAT(arm(4, 60'000), StartsWith("-STALEEPOCH have 5"));
  EXPECT_THAT(arm(6, 0), StartsWith("-ERR TTL"));
  EXPECT_THAT(arm(6, -5), StartsWith("-ERR TTL"));
  EXPECT_THAT(keeper_.say({"KEEPER", "HANDOVER", "ARM", kReplid, "EPOCH", "6", "TTL", "1000"}),
              StartsWith("-ERR the current replid is " + replid_));
  EXPECT_EQ(keeper_.order("BACKUP", master_.port(), 7), "+OK");
  EXPECT_EQ(keeper_.state("handover"), "none");
  EXPECT_THAT(arm(8, 1000), StartsWith("-ERR this keeper is BACKUP"));
}

/// An old master played by the test: what it asks is up to us.
class HandOverRequests : public testing::Test {
 protected:
  HandOverRequests() : master_(script) {
    EXPECT_EQ(keeper_.order("ACTIVE", master_.port(), 1), "+OK");
    EXPECT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
  }
  static void script(FakeMaster::Link& link) {
    const auto psync = FakeMaster::greet(link);
    if (!psync) return;
    const std::string rdb = rdb_with("");
    link.send(psync->at(1) == "?" ? "+FULLRESYNC " + std::string(kReplid) + " 10\r\n$" +
                                        std::to_string(rdb.size()) + "\r\n" + rdb
                                  : "+CONTINUE\r\n");
    FakeMaster::stay(link);
  }
  RespConnection ask(const std::string& replid, const std::string& from) {
    RespConnection link(keeper_.port());
    link.send_command({"PSYNC", replid, from, "FAILOVER"});
    return link;
  }
  std::string answer(const std::string& replid, const std::string& from) {
    return ask(replid, from).read_line().value_or("closed");
  }
  void arm() {
    ASSERT_EQ(keeper_.say({"KEEPER", "HANDOVER", "ARM", kReplid, "EPOCH", "2", "TTL", "60000"}), "+OK");
  }

  FakeMaster master_;
  LocalKeeper keeper_;
};

TEST_F(HandOverRequests, MustFitHistoryAndOffset) {
  EXPECT_THAT(answer(kReplid, "11"), StartsWith("-ERR no hand-over is armed"));
  arm();
  EXPECT_THAT(answer(std::string(40, 'a'), "11"), StartsWith("-ERR the hand-over is for history"));
  EXPECT_THAT(answer("?", "-1"), StartsWith("-ERR"));
  EXPECT_THAT(answer(kReplid, "10"), StartsWith("-ERR this keeper ends at offset 10"));
  EXPECT_THAT(answer(kReplid, "12"), StartsWith("-ERR this keeper ends at offset 10"));
  EXPECT_EQ(keeper_.state("handover"), "armed");
  RespConnection held = ask(kReplid, "11");
  EXPECT_EQ(held.read_line(std::chrono::seconds(5), false), "");
  EXPECT_EQ(keeper_.state("handover"), "held");
  EXPECT_EQ(keeper_.state("handover_offset"), "10");
}

TEST_F(HandOverRequests, GetTheSameAnswerAgainOnceAccepted) {
  arm();
  RespConnection held = ask(kReplid, "11");
  ASSERT_TRUE(wait_until([&] { return keeper_.state("handover") == "held"; }));
  ASSERT_EQ(keeper_.say({"KEEPER", "HANDOVER", "ACCEPT"}), "+OK");
  const std::string yes = "+CONTINUE " + std::string(kReplid);
  EXPECT_EQ(held.read_line(), yes);
  held.reset();  // the answer was lost
  EXPECT_EQ(answer(kReplid, "11"), yes);
  keeper_.stop();
  keeper_.start();
  EXPECT_EQ(answer(kReplid, "11"), yes);
  EXPECT_THAT(answer(kReplid, "12"), StartsWith("-ERR accepted at offset"));
  EXPECT_THAT(answer(std::string(40, 'a'), "11"), StartsWith("-ERR"));
  EXPECT_EQ(keeper_.order("ACTIVE", master_.port(), 3), "+OK");
  EXPECT_THAT(answer(kReplid, "11"), StartsWith("-ERR no hand-over is armed"));
}

}  // namespace
}  // namespace penstock::keeper
