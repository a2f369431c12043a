// Orders with an epoch, and REPLICAOF without one as Sentinel sends it.
#include <gmock/gmock.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Orders, ABackupKeeperParksReplicasUntilItIsActive) {
  Redis master, replica;
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("BACKUP", master.port(), 7), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  EXPECT_EQ(keeper.state("state"), "BACKUP");
  ASSERT_EQ(replica.follow(keeper.port()), "+OK");
  RespConnection other(keeper.port());
  other.send_command({"PSYNC", "?", "-1"});
  EXPECT_EQ(other.read_line(std::chrono::seconds(5), false), "");  // a keep-alive and no answer
  EXPECT_FALSE(replica.link_is_up());
  EXPECT_EQ(keeper.state("full_syncs_served"), "0");

  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 8), "+OK");
  EXPECT_THAT(other.read_line().value_or("closed"), StartsWith("+FULLRESYNC "));
  EXPECT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  EXPECT_EQ(replica.info("master_replid"), master.info("master_replid"));
}

TEST(Orders, AParkedReplicaIsSentAwayAfterAWhile) {
  LocalKeeper keeper;
  EXPECT_EQ(keeper.state("state"), "UNKNOWN");
  RespConnection replica(keeper.port());
  replica.send_command({"PSYNC", "?", "-1"});
  EXPECT_THAT(replica.read_line(std::chrono::seconds(30)).value_or("closed"), StartsWith("-NOMASTERLINK"));
  EXPECT_TRUE(replica.closed_by_peer());
}

TEST(Orders, StaleEpochsAreRefused) {
  LocalKeeper keeper;
  const std::uint16_t nobody = test::free_port();
  EXPECT_EQ(keeper.order("ACTIVE", nobody, 5, {"ACTIVEDC", "yes"}), "+OK");
  EXPECT_EQ(keeper.order("ACTIVE", nobody, 5, {"ACTIVEDC", "yes"}), "+OK");
  EXPECT_EQ(keeper.order("ACTIVE", nobody, 5, {"ACTIVEDC", "yes", "MEMBERS", "127.0.0.1:6379"}), "+OK");
  EXPECT_THAT(keeper.order("ACTIVE", nobody, 4, {"ACTIVEDC", "yes"}), StartsWith("-STALEEPOCH have 5"));
  EXPECT_THAT(keeper.order("BACKUP", nobody, 5, {"ACTIVEDC", "yes"}), StartsWith("-STALEEPOCH have 5"));
  EXPECT_THAT(keeper.order("ACTIVE", static_cast<std::uint16_t>(nobody - 1), 5, {"ACTIVEDC", "yes"}),
              StartsWith("-STALEEPOCH have 5"));
  EXPECT_THAT(keeper.order("ACTIVE", nobody, 5, {"ACTIVEDC", "no"}), StartsWith("-STALEEPOCH have 5"));
  EXPECT_EQ(keeper.state("epoch"), "5");
  EXPECT_EQ(keeper.state("upstream"), "127.0.0.1:" + std::to_string(nobody));
  EXPECT_EQ(keeper.order("ACTIVE", 0, 6), "+OK");
  EXPECT_EQ(keeper.state("upstream"), "");
  EXPECT_EQ(keeper.state("link"), "none");
  EXPECT_EQ(keeper.order("BACKUP", nobody, (std::uint64_t{1} << 32) + 1), "+OK");
  EXPECT_THAT(keeper.order("ACTIVE", nobody, 7), StartsWith("-STALEEPOCH have 4294967297"));
}

TEST(Orders, OutliveARestart) {
  Redis master, replica;
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 9), "+OK");
  ASSERT_EQ(replica.follow(keeper.port()), "+OK");
  ASSERT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  const std::string uuid = keeper.state("uuid");
  keeper.stop();
  keeper.start();
  EXPECT_EQ(keeper.state("state"), "PRE_ACTIVE");
  EXPECT_EQ(keeper.state("epoch"), "9");
  EXPECT_EQ(keeper.state("uuid"), uuid);
  EXPECT_EQ(keeper.state("upstream"), master.address());
  EXPECT_TRUE(wait_until([&] { return keeper.is_connected() && replica.link_is_up(); }));
  EXPECT_THAT(keeper.order("ACTIVE", master.port(), 8), StartsWith("-STALEEPOCH have 9"));
  EXPECT_THAT(keeper.order("BACKUP", master.port(), 9), StartsWith("-STALEEPOCH have 9"));
  EXPECT_EQ(keeper.order("ACTIVE", master.port(), 9), "+OK");
  EXPECT_EQ(keeper.state("state"), "ACTIVE");
  EXPECT_EQ(keeper.order("BACKUP", master.port(), 10), "+OK");
  keeper.stop();
  keeper.start();
  EXPECT_EQ(keeper.state("state"), "PRE_BACKUP");
  EXPECT_EQ(master.number("sync_full"), 1);
}

TEST(Orders, BadOnesSayWhatIsWrong) {
  LocalKeeper keeper;
  const auto says = [&](const resp::Command& command) { return keeper.say(command); };
  EXPECT_THAT(says({"KEEPER"}), StartsWith("-ERR KEEPER knows"));
  EXPECT_THAT(says({"KEEPER", "DANCE"}), StartsWith("-ERR KEEPER knows"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379"}),
              StartsWith("-ERR wrong number of arguments"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "BUSY", "127.0.0.1", "6379", "EPOCH", "1"}),
              StartsWith("-ERR state"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "localhost", "6379", "EPOCH", "1"}),
              StartsWith("-ERR upstream"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "0", "EPOCH", "1"}),
              StartsWith("-ERR upstream"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPOCH", "-1"}),
              StartsWith("-ERR EPOCH"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPICH", "1"}),
              StartsWith("-ERR EPOCH"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPOCH", "1", "ACTIVEDC", "maybe"}),
              StartsWith("-ERR ACTIVEDC"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPOCH", "1", "MEMBERS", "nobody"}),
              StartsWith("-ERR MEMBERS"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPOCH", "1", "LATER"}),
              StartsWith("-ERR SETSTATE"));
  EXPECT_THAT(says({"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", "6379", "EPOCH", "18446744073709551616"}),
              StartsWith("-ERR EPOCH"));
  EXPECT_THAT(says({"KEEPER", "HANDOVER"}), StartsWith("-ERR HANDOVER knows"));
  EXPECT_THAT(says({"KEEPER", "HANDOVER", "ARM", kReplid}), StartsWith("-ERR wrong number of arguments"));
  EXPECT_THAT(says({"REPLICAOF", "localhost", "6379"}), StartsWith("-ERR"));
  EXPECT_THAT(says({"REPLICAOF", "NO", "ONE"}), StartsWith("-ERR"));
  EXPECT_EQ(keeper.state("state"), "UNKNOWN");
  EXPECT_EQ(keeper.state("epoch"), "0");
}

TEST(Orders, GetstateHasTheFieldsOfTheContract) {
  LocalKeeper keeper;
  const resp::Value reply = keeper.call({"KEEPER", "GETSTATE"});
  std::vector<std::string> fields;
  for (std::size_t i = 0; i < reply.array()->size(); i += 2) fields.push_back(*reply.array()->at(i).string());
  for (const char* field : {"cluster", "shard", "uuid", "state", "epoch", "upstream", "link", "replid",
                            "offset", "replid2", "second_offset", "log_first", "rdb_offset", "handover",
                            "handover_offset", "full_syncs", "full_syncs_served", "replicas"})
    EXPECT_THAT(fields, testing::Contains(field));
}

/// What a Sentinel sends to re-point a replica, as one transaction.
std::string as_sentinel(std::uint16_t keeper, const std::string& host, const std::string& port) {
  RespConnection link(keeper);
  std::string answers;
  for (const resp::Command& command : std::vector<resp::Command>{{"MULTI"},
                                                                 {"SLAVEOF", host, port},
                                                                 {"CONFIG", "REWRITE"},
                                                                 {"CLIENT", "KILL", "TYPE", "normal"},
                                                                 {"CLIENT", "KILL", "TYPE", "pubsub"}}) {
    const std::string answer = test::text_of(link.call(command));
    EXPECT_EQ(answer, command[0] == "MULTI" ? "+OK" : "+QUEUED");
  }
  return test::text_of(link.call({"EXEC"}));
}

class Sentinels : public testing::Test {
 protected:
  std::string repoint(std::uint16_t to) {
    return as_sentinel(keeper_.port(), "127.0.0.1", std::to_string(to));
  }
  resp::Command members() const {
    return {"ACTIVEDC", "yes", "MEMBERS", "127.0.0.1:" + std::to_string(old_),
            "127.0.0.1:" + std::to_string(new_)};
  }
  std::string upstream() const { return keeper_.state("upstream"); }
  static std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

  LocalKeeper keeper_;
  std::uint16_t old_ = test::free_port(), new_ = test::free_port();
};
constexpr char kDone[] = "[+OK, +OK, :0, :0]";

TEST_F(Sentinels, AreObeyedByTheActiveKeeperOfTheActiveDc) {
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, members()), "+OK");
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(new_));
  // The owner has the last word.
  EXPECT_EQ(keeper_.order("ACTIVE", old_, 2, members()), "+OK");
  EXPECT_EQ(upstream(), at(old_));
}

TEST_F(Sentinels, CannotNameAStranger) {
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, members()), "+OK");
  EXPECT_EQ(repoint(test::free_port()), kDone);
  EXPECT_EQ(upstream(), at(old_));
}

TEST_F(Sentinels, AreNotObeyedByABackupKeeper) {
  ASSERT_EQ(keeper_.order("BACKUP", old_, 1, members()), "+OK");
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(old_));
}

TEST_F(Sentinels, AreNotObeyedInABackupDc) {
  resp::Command more = members();
  more[1] = "no";
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, more), "+OK");
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(old_));
}

TEST_F(Sentinels, AreNotObeyedBeforeTheOwnerHasSpokenAgain) {
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, members()), "+OK");
  keeper_.stop();
  keeper_.start();
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(old_));
}

TEST_F(Sentinels, AreNotObeyedDuringAHandOver) {
  Redis master;
  old_ = master.port();
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, members()), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
  ASSERT_EQ(keeper_.say({"KEEPER", "HANDOVER", "ARM", keeper_.state("replid"), "EPOCH", "2", "TTL", "60000"}),
            "+OK");
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(old_));
  ASSERT_EQ(keeper_.say({"KEEPER", "HANDOVER", "ABORT"}), "+OK");
  EXPECT_EQ(repoint(new_), kDone);
  EXPECT_EQ(upstream(), at(new_));
}

TEST_F(Sentinels, CannotMakeAMasterOfAKeeper) {
  ASSERT_EQ(keeper_.order("ACTIVE", old_, 1, members()), "+OK");
  EXPECT_THAT(as_sentinel(keeper_.port(), "NO", "ONE"), StartsWith("[-ERR"));
  EXPECT_EQ(upstream(), at(old_));
  EXPECT_EQ(keeper_.info("role"), "slave");
}

TEST_F(Sentinels, FindEachOtherByTheirGreetings) {
  RespConnection subscriber(keeper_.port()), publisher(keeper_.port());
  EXPECT_EQ(test::text_of(subscriber.call({"SUBSCRIBE", "__sentinel__:hello"})),
            "[+subscribe, +__sentinel__:hello, :1]");
  EXPECT_EQ(test::text_of(publisher.call({"PUBLISH", "__sentinel__:hello", "I am here"})), ":1");
  EXPECT_EQ(test::text_of(subscriber.read_value()), "[+message, +__sentinel__:hello, +I am here]");
  EXPECT_EQ(test::text_of(publisher.call({"PUBLISH", "elsewhere", "x"})), ":0");
}

TEST_F(Sentinels, TransactionsAreAsAtRedis) {
  RespConnection link(keeper_.port());
  EXPECT_EQ(test::text_of(link.call({"EXEC"})), "-ERR EXEC without MULTI");
  EXPECT_EQ(test::text_of(link.call({"DISCARD"})), "-ERR DISCARD without MULTI");
  EXPECT_EQ(test::text_of(link.call({"MULTI"})), "+OK");
  EXPECT_THAT(test::text_of(link.call({"MULTI"})), StartsWith("-ERR MULTI calls"));
  EXPECT_EQ(test::text_of(link.call({"REPLICAOF", "127.0.0.1", "1"})), "+QUEUED");
  EXPECT_EQ(test::text_of(link.call({"DISCARD"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"MULTI"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"EXEC"})), "[]");
  EXPECT_EQ(upstream(), "");
}

}  // namespace
}  // namespace penstock::keeper
