// An RDB that a replica cannot load is not sent to it where that can be known: it would lose the data it has.
#include <gmock/gmock.h>

#include <fstream>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;
using testing::StartsWith;

/// A keeper that holds an RDB which begins with `magic`.
class RdbVersions : public testing::Test {
 protected:
  void hold(const std::string& magic) {
    rdb_ = magic + std::string(1'000, 'x') + "\xff" + std::string(8, '\0');
    ASSERT_EQ(keeper_.order("ACTIVE", master_.port(), 1), "+OK");
    ASSERT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
  }
  void serve(Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send("+FULLRESYNC " + std::string(kReplid) + " 10\r\n$" + std::to_string(rdb_.size()) + "\r\n" +
              rdb_);
    FakeMaster::stay(link);
  }
  /// The answer to one who introduces itself like this and wants everything.
  std::string answer(const std::vector<resp::Command>& introduction) {
    RespConnection link(keeper_.port());
    for (const resp::Command& command : introduction) EXPECT_EQ(test::text_of(link.call(command)), "+OK");
    link.send_command({"PSYNC", "?", "-1"});
    return link.read_line().value_or("closed");
  }
  /// One that answers INFO with these fields.
  static FakeMaster::Script saying(std::string fields) {
    return [fields](Link& link) {
      while (auto command = FakeMaster::read_command(link)) {
        const std::string text = "# Server\r\n" + fields;
        link.send("$" + std::to_string(text.size()) + "\r\n" + text + "\r\n");
      }
    };
  }
  std::string master_port() const { return "master_port:" + std::to_string(keeper_.port()) + "\r\n"; }
  std::string answer_to(std::uint16_t replica) {
    return answer({{"REPLCONF", "listening-port", std::to_string(replica)}});
  }

  std::string rdb_;
  FakeMaster master_{[this](Link& link) { serve(link); }};
  LocalKeeper keeper_;
};

TEST_F(RdbVersions, WhoSaysThatItIsTooOldIsToldToWait) {
  hold("VALKEY080");
  EXPECT_EQ(answer({{"REPLCONF", "version", "8.1.1"}}),
            "-NOMASTERLINK Valkey 8.1 cannot load an RDB of version VALKEY080");
  EXPECT_THAT(answer({{"REPLCONF", "version", "9.0.0"}}), StartsWith("+FULLRESYNC"));
  EXPECT_THAT(answer({}), StartsWith("+FULLRESYNC")) << "nothing is known";
  RespConnection link(keeper_.port());
  ASSERT_EQ(test::text_of(link.call({"REPLCONF", "version", "8.1.1"})), "+OK");
  link.send_command({"PSYNC", kReplid, "11"});
  EXPECT_THAT(link.read_line().value_or("closed"), StartsWith("+CONTINUE")) << "no RDB is needed";
}

TEST_F(RdbVersions, WhoSaysNothingIsAsked) {
  hold("REDIS0012");
  FakeMaster old(saying(master_port() + "redis_version:7.2.6\r\n"));
  EXPECT_EQ(answer_to(old.port()), "-NOMASTERLINK Redis 7.2 cannot load an RDB of version REDIS0012");
  FakeMaster recent(saying(master_port() + "redis_version:7.4.1\r\n"));
  EXPECT_THAT(answer_to(recent.port()), StartsWith("+FULLRESYNC"));
  FakeMaster keeper(saying(master_port() + "redis_version:7.0.15\r\npenstock_version:0.1.0\r\n"));
  EXPECT_THAT(answer_to(keeper.port()), StartsWith("+FULLRESYNC"));
  FakeMaster somebody_else(saying("master_port:1\r\nredis_version:7.0.15\r\n"));
  EXPECT_THAT(answer_to(somebody_else.port()), StartsWith("+FULLRESYNC"));
  EXPECT_THAT(answer_to(test::free_port()), StartsWith("+FULLRESYNC")) << "nobody answers there";
  FakeMaster silent(FakeMaster::stay);
  EXPECT_THAT(answer_to(silent.port()), StartsWith("+FULLRESYNC"));
}

TEST_F(RdbVersions, ARedisThatCannotLoadItKeepsItsData) {
  hold("REDIS0012");
  Redis replica;
  ASSERT_EQ(replica.say({"SET", "precious", "1"}), "+OK");
  replica.follow(keeper_.port());
  EXPECT_TRUE(wait_until([&] {
    return replica.log().find("Redis 7.0 cannot load an RDB of version REDIS0012") != std::string::npos;
  })) << replica.log();
  EXPECT_EQ(replica.say({"GET", "precious"}), "+1");
  EXPECT_EQ(keeper_.number("full_syncs_served"), 0);
}

TEST(RdbVersionsWithPasswords, AReplicaIsToldNoOtherSecretThanItsOwn) {
  FakeMaster master([](Link& link) {
    if (!FakeMaster::greet(link)) return;
    const std::string rdb = "REDIS0012x\xff" + std::string(8, '\0');
    link.send("+FULLRESYNC " + std::string(kReplid) + " 10\r\n$" + std::to_string(rdb.size()) + "\r\n" + rdb);
    FakeMaster::stay(link);
  });
  test::TempDir dir;
  const auto secret = dir.path() / "secret";
  std::ofstream(secret) << "between us";
  KeeperProcess keeper(master.port(), {"--required-password-file", secret.string()});
  std::mutex mutex;
  std::vector<std::string> told;
  FakeMaster replica([&](Link& link) {
    while (auto command = FakeMaster::read_command(link)) {
      const std::lock_guard lock(mutex);
      std::string words;
      for (const std::string& word : *command) words += word + " ";
      told.push_back(words);
      link.send(command->at(0) == "AUTH" ? "-WRONGPASS invalid\r\n" : "-NOAUTH Authentication required.\r\n");
    }
  });
  RespConnection link(keeper.port());
  EXPECT_EQ(test::text_of(link.call({"AUTH", "me", "between us"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "listening-port", std::to_string(replica.port())})), "+OK");
  ASSERT_TRUE(
      wait_until([&] { return test::text_of(link.call({"ROLE"})).find("connected") != std::string::npos; }));
  link.send_command({"PSYNC", "?", "-1"});
  EXPECT_THAT(link.read_line().value_or("closed"), StartsWith("+FULLRESYNC")) << "it does not say what it is";
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, (std::vector<std::string>{"INFO ", "AUTH me between us "}));
}

}  // namespace
}  // namespace penstock::keeper
