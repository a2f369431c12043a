// A keeper with a password: what those hear who have not said it.
#include <gmock/gmock.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using test::RespConnection;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kPassword[] = "between us";

/// Every command that a keeper knows, the forms that do something, and some that it does not know.
const std::vector<resp::Command> kCommands{
    {"INFO"},
    {"info", "replication"},
    {"ROLE"},
    {"COMMAND"},
    {"SELECT", "0"},
    {"SCRIPT", "KILL"},
    {"CLIENT", "SETNAME", "x"},
    {"CLIENT", "ID"},
    {"CONFIG", "GET", "*"},
    {"CONFIG", "REWRITE"},
    {"SUBSCRIBE", "__sentinel__:hello"},
    {"UNSUBSCRIBE"},
    {"PUBLISH", "__sentinel__:hello", "x"},
    {"MULTI"},
    {"EXEC"},
    {"DISCARD"},
    {"REPLCONF", "listening-port", "1"},
    {"REPLCONF", "capa", "eof"},
    {"REPLCONF", "ack", "1"},
    {"REPLCONF", "getack", "*"},
    {"PSYNC", "?", "-1"},
    {"psync", kReplid, "1"},
    {"PSYNC", kReplid, "1", "FAILOVER"},
    {"PSYNC"},
    {"SYNC"},
    {"REPLICAOF", "127.0.0.1", "1"},
    {"SLAVEOF", "NO", "ONE"},
    {"KEEPER", "GETSTATE"},
    {"KEEPER", "INFO"},
    {"KEEPER", "SETSTATE", "BACKUP", "127.0.0.1", "1", "EPOCH", "99"},
    {"KEEPER", "HANDOVER", "ARM", kReplid, "EPOCH", "99", "TTL", "1000"},
    {"KEEPER", "HANDOVER", "ACCEPT"},
    {"KEEPER", "HANDOVER", "ABORT"},
    {"KEEPER", "ACCEPTEMPTY"},
    {"KEEPER"},
    {"GET", "k"},
    {"FLUSHALL"},
    {"DEBUG", "SLEEP", "1"},
    {"SHUTDOWN"},
    {""},
    {std::string("\0\r\n", 3)},
};

class Strangers : public testing::Test {
 protected:
  Strangers() : keeper_({}, [](KeeperOptions& options) { options.required_password = kPassword; }) {}

  RespConnection friendly() const {
    RespConnection link(keeper_.port());
    EXPECT_EQ(test::text_of(link.call({"AUTH", kPassword})), "+OK");
    return link;
  }
  std::string report() const { return test::text_of(friendly().call({"KEEPER", "GETSTATE"})); }

  LocalKeeper keeper_;
};

TEST_F(Strangers, hear_noauth_to_everything_but_four_commands_and_change_nothing) {
  const std::string before = report();
  RespConnection link(keeper_.port());
  for (const resp::Command& command : kCommands)
    EXPECT_EQ(test::text_of(link.call(command)), "-NOAUTH Authentication required.") << command[0];
  EXPECT_TRUE(link.send("KEEPER SETSTATE BACKUP 127.0.0.1 1 EPOCH 99\r\nPSYNC ? -1\n"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(link.read_line(), "-NOAUTH Authentication required.");
  EXPECT_EQ(report(), before);
  EXPECT_EQ(test::text_of(link.call({"PING"})), "+PONG") << "and no other byte was sent";
}

TEST_F(Strangers, may_say_hello_ping_auth_and_quit) {
  RespConnection link(keeper_.port());
  EXPECT_EQ(test::text_of(link.call({"ping"})), "+PONG");
  EXPECT_EQ(test::text_of(link.call({"PING", "x"})), "+x");
  EXPECT_THAT(test::text_of(link.call({"HELLO", "3", "AUTH", "default", kPassword})), StartsWith("-NOPROTO"));
  for (const resp::Command& wrong : std::vector<resp::Command>{{"AUTH", ""},
                                                               {"AUTH", "between"},
                                                               {"AUTH", "between us "},
                                                               {"AUTH", "default", "x"},
                                                               {"AUTH", kPassword, "x"}})
    EXPECT_THAT(test::text_of(link.call(wrong)), StartsWith("-WRONGPASS"));
  EXPECT_THAT(test::text_of(link.call({"AUTH"})), StartsWith("-ERR wrong number"));
  EXPECT_THAT(test::text_of(link.call({"INFO"})), StartsWith("-NOAUTH")) << "nothing of that was enough";
  EXPECT_EQ(test::text_of(link.call({"QUIT"})), "+OK");
  EXPECT_TRUE(link.closed_by_peer());
}

TEST_F(Strangers, hear_it_no_more_once_they_have_said_the_password) {
  for (const resp::Command& command : kCommands) {
    if (command[0] == "REPLCONF" && command[1] == "ack") continue;  // never answered
    RespConnection link = friendly();
    link.send_command(command);
    const auto line = link.read_line(RespConnection::kLimit, false);  // a keep-alive is an answer too
    ASSERT_TRUE(line) << command[0];
    EXPECT_THAT(*line, Not(StartsWith("-NOAUTH"))) << command[0];
  }
}

TEST_F(Strangers, are_given_less_memory) {
  const std::string large(20'000, 'x');
  RespConnection stranger(keeper_.port());
  EXPECT_TRUE(stranger.send("*2\r\n$4\r\nAUTH\r\n$20000\r\n"));
  EXPECT_EQ(stranger.read_line(), "-ERR Protocol error: an argument of more than 16384 bytes");
  EXPECT_TRUE(stranger.closed_by_peer());
  RespConnection many(keeper_.port());
  EXPECT_TRUE(many.send("*11\r\n"));
  EXPECT_EQ(many.read_line(), "-ERR Protocol error: a command of more than 10 arguments");
  RespConnection known = friendly();
  EXPECT_EQ(test::text_of(known.call({"PING", large})), "+" + large);
}

}  // namespace
}  // namespace penstock::keeper
