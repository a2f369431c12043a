#include "metaserver/face/conversation.h"

#include <gmock/gmock.h>

#include "unit/face/halls.h"

namespace penstock::metaserver {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::StartsWith;

struct Said {
  std::string command, answer;
};

const Said kPlain[] = {
    {"SENTINEL get-master-addr-by-name orders/s1", "*2 $9 127.0.0.1 $4 6001"},
    {"sentinel GET-MASTER-ADDR-BY-NAME orders/s1", "*2 $9 127.0.0.1 $4 6001"},
    {"SENTINEL get-master-addr-by-name orders/s3", "*-1"},
    {"SENTINEL get-master-addr-by-name orders/s2", "*-1"},
    {"SENTINEL get-master-addr-by-name",
     "-ERR wrong number of arguments for 'sentinel|get-master-addr-by-name' command"},
    {"SENTINEL get-master-addr-by-name a b",
     "-ERR wrong number of arguments for 'sentinel|get-master-addr-by-name' command"},
    {"SENTINEL master orders/s3", "-ERR No such master with that name"},
    {"SENTINEL master orders/s2", "-IDONTKNOW the active data center has not named its master yet"},
    {"SENTINEL replicas orders/s3", "-ERR No such master with that name"},
    {"SENTINEL slaves orders/s2", "*0"},
    {"SENTINEL sentinels orders/s3", "-ERR No such master with that name"},
    {"SENTINEL ckquorum orders/s1",
     "+OK 2 usable Sentinels. Quorum and failover authorization can be reached"},
    {"SENTINEL ckquorum orders/s2", "-NOQUORUM the active data center has not named its master yet"},
    {"SENTINEL ckquorum orders/s3", "-ERR No such master with that name"},
    {"SENTINEL masters all", "-ERR wrong number of arguments for 'sentinel|masters' command"},
    {"SENTINEL myid", "$40 " + run_id_of("west/ms-1")},
    {"SENTINEL failover orders/s1",
     "-ERR SENTINEL FAILOVER: this is a metaserver's Sentinel face, it takes no orders; see its REST API"},
    {"SENTINEL remove orders/s1",
     "-ERR SENTINEL REMOVE: this is a metaserver's Sentinel face, it takes no orders; see its REST API"},
    {"SENTINEL dance", "-ERR Unknown sentinel subcommand 'dance'"},
    {"SENTINEL", "-ERR wrong number of arguments for 'sentinel' command"},
    {"PING", "+PONG"},
    {"ping hello", "$5 hello"},
    {"PING a b", "-ERR wrong number of arguments for 'ping' command"},
    {"ROLE", "*2 $8 sentinel *2 $9 orders/s1 $9 orders/s2"},
    {"CLIENT SETNAME me", "+OK"},
    {"CLIENT SETNAME", "-ERR wrong number of arguments for 'client|setname' command"},
    {"CLIENT SETNAME a\nb", "-ERR Client names cannot contain spaces, newlines or special characters."},
    {"CLIENT GETNAME", "$-1"},
    {"CLIENT SETINFO LIB-NAME jedis", "+OK"},
    {"CLIENT SETINFO LIB-NAME", "-ERR wrong number of arguments for 'client|setinfo' command"},
    {"CLIENT ID", ":7"},
    {"CLIENT KILL ID 7", "-ERR CLIENT knows SETNAME, GETNAME, SETINFO and ID here"},
    {"COMMAND DOCS", "*0"},
    {"COMMAND COUNT", ":0"},
    {"AUTH secret", "-ERR AUTH <password> called without any password configured for the Sentinel face"},
    {"HELLO 4", "-NOPROTO unsupported protocol version"},
    {"HELLO three", "-NOPROTO unsupported protocol version"},
    {"HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"},
    {"HELLO 3 AUTH nobody nothing", "-WRONGPASS invalid username-password pair or user is disabled."},
    {"INFO server sentinel", "-ERR INFO: names one section, or none"},
    {"INFO keyspace", "$0"},
    {"SUBSCRIBE", "-ERR wrong number of arguments for 'subscribe' command"},
    {"UNSUBSCRIBE", "*3 $11 unsubscribe $-1 :0"},
    {"PUNSUBSCRIBE a", "*3 $12 punsubscribe $1 a :0"},
    {"RESET", "+RESET"},
    {"QUIT", "+OK"},
    {"GET key", "-ERR unknown command 'GET': this is a metaserver's Sentinel face, it holds no data"},
};

TEST(Conversation, answers) {
  SomeHall some;
  for (const auto& c : kPlain) {
    Conversation conversation(some.hall, 7);
    EXPECT_EQ(say(conversation, c.command), c.answer) << c.command;
    EXPECT_EQ(conversation.is_over(), c.command == "QUIT");
  }
}

TEST(Conversation, what_a_client_says_is_not_echoed_without_end) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  for (const char* before : {"", "SENTINEL ", "HELLO 3 "})
    EXPECT_LT(say(conversation, before + std::string(4'000, 'x')).size(), 200u) << before;
}

TEST(Conversation, speaks_the_third_version) {
  SomeHall some;
  Conversation conversation(some.hall, 7);
  EXPECT_EQ(
      say(conversation, "HELLO 3 SETNAME me"),
      "%6 $6 server $5 redis $7 version $5 7.0.0 $5 proto :3 $2 id :7 $4 mode $8 sentinel $7 modules *0");
  EXPECT_EQ(say(conversation, "CLIENT GETNAME"), "$2 me");
  EXPECT_EQ(say(conversation, "SENTINEL get-master-addr-by-name orders/s1"), "*2 $9 127.0.0.1 $4 6001");
  EXPECT_EQ(say(conversation, "SENTINEL get-master-addr-by-name orders/s3"), "_");
  EXPECT_THAT(say(conversation, "SENTINEL master orders/s1"), StartsWith("%19 $4 name $9 orders/s1 "));
  EXPECT_EQ(say(conversation, "SUBSCRIBE a"), ">3 $9 subscribe $1 a :1");
  EXPECT_EQ(say(conversation, "PING"), "+PONG") << "a listener may ask anything";
  EXPECT_EQ(say(conversation, "SENTINEL get-master-addr-by-name orders/s3"), "_");
  EXPECT_EQ(say(conversation, "HELLO 2 SETNAME"), "-ERR Syntax error in HELLO option 'SETNAME'");
  EXPECT_EQ(say(conversation, "UNSUBSCRIBE"), ">3 $11 unsubscribe $1 a :0")
      << "a refused HELLO changes nothing";
  EXPECT_THAT(say(conversation, "HELLO 2"), StartsWith("*12 $6 server"));
}

TEST(Conversation, asks_for_the_password) {
  SomeHall some;
  some.hall.password = "between us";
  Conversation conversation(some.hall, 1);
  for (const char* command :
       {"PING", "SENTINEL masters", "INFO", "SUBSCRIBE +switch-master", "CLIENT ID", "GET key"})
    EXPECT_EQ(say(conversation, command), "-NOAUTH Authentication required.") << command;
  EXPECT_THAT(say(conversation, "HELLO 3"), StartsWith("-NOAUTH HELLO must be called"));
  EXPECT_EQ(say(conversation, "HELLO 3 AUTH me wrong"),
            "-WRONGPASS invalid username-password pair or user is disabled.");
  EXPECT_EQ(say(conversation, "AUTH wrong"),
            "-WRONGPASS invalid username-password pair or user is disabled.");
  EXPECT_EQ(say(conversation, "AUTH a b c"), "-ERR wrong number of arguments for 'auth' command");
  EXPECT_FALSE(conversation.is_authenticated());
  EXPECT_EQ(line(*conversation.answer({"AUTH", "me", "between us"})), "+OK");
  EXPECT_EQ(say(conversation, "PING"), "+PONG");
  EXPECT_EQ(say(conversation, "RESET"), "+RESET");
  EXPECT_FALSE(conversation.is_authenticated());
  EXPECT_THAT(line(*conversation.answer({"HELLO", "3", "AUTH", "default", "between us"})), StartsWith("%6"));
  EXPECT_TRUE(conversation.is_authenticated());
}

const MasterDirectory::Move kMove{"orders/s1", {"127.0.0.1", 6001}, {"127.0.0.1", 6101}};
const std::string kNews = "$14 +switch-master $39 orders/s1 127.0.0.1 6001 127.0.0.1 6101";

TEST(Conversation, tells_who_listens) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  EXPECT_EQ(conversation.told(kMove), "");
  EXPECT_EQ(say(conversation, "SUBSCRIBE +sdown"), "*3 $9 subscribe $6 +sdown :1");
  EXPECT_EQ(conversation.told(kMove), "");
  EXPECT_EQ(say(conversation, "SUBSCRIBE +switch-master +odown"),
            "*3 $9 subscribe $14 +switch-master :2 *3 $9 subscribe $6 +odown :3");
  EXPECT_EQ(line(conversation.told(kMove)), "*3 $7 message " + kNews);
  EXPECT_EQ(say(conversation, "PSUBSCRIBE +*-master -*"),
            "*3 $10 psubscribe $9 +*-master :4 *3 $10 psubscribe $2 -* :5");
  EXPECT_EQ(line(conversation.told(kMove)),
            "*3 $7 message " + kNews + " *4 $8 pmessage $9 +*-master " + kNews);
  EXPECT_EQ(say(conversation, "UNSUBSCRIBE +switch-master"), "*3 $11 unsubscribe $14 +switch-master :4");
  EXPECT_EQ(say(conversation, "PUNSUBSCRIBE"),
            "*3 $12 punsubscribe $9 +*-master :3 *3 $12 punsubscribe $2 -* :2");
  EXPECT_EQ(conversation.told(kMove), "");
}

TEST(Conversation, tells_the_third_version_as_push) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  say(conversation, "HELLO 3");
  say(conversation, "SUBSCRIBE +switch-master");
  say(conversation, "PSUBSCRIBE *");
  EXPECT_EQ(line(conversation.told(kMove)), ">3 $7 message " + kNews + " >4 $8 pmessage $1 * " + kNews);
}

TEST(Conversation, a_listener_of_the_second_version_only_listens) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  say(conversation, "SUBSCRIBE +switch-master");
  EXPECT_TRUE(conversation.is_subscribed());
  EXPECT_EQ(say(conversation, "PING"), "*2 $4 pong $0");
  EXPECT_EQ(say(conversation, "PING x"), "*2 $4 pong $1 x");
  for (const char* command : {"INFO", "SENTINEL masters", "SENTINEL myid", "HELLO 3", "CLIENT ID"})
    EXPECT_THAT(say(conversation, command), HasSubstr("are allowed in this context")) << command;
  EXPECT_EQ(say(conversation, "UNSUBSCRIBE"), "*3 $11 unsubscribe $14 +switch-master :0");
  EXPECT_EQ(say(conversation, "CLIENT ID"), ":1");
}

TEST(Conversation, has_room_for_so_many_subscriptions) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  for (std::size_t i = 0; i < Conversation::kSubscriptionsMax; ++i)
    EXPECT_THAT(say(conversation, (i % 2 ? "SUBSCRIBE c" : "PSUBSCRIBE c") + std::to_string(i)),
                StartsWith("*3"));
  EXPECT_EQ(say(conversation, "SUBSCRIBE more"), "-ERR a connection may have 64 subscriptions");
  EXPECT_THAT(say(conversation, "SUBSCRIBE c1"), StartsWith("*3")) << "it has that one";
  EXPECT_EQ(say(conversation, "UNSUBSCRIBE c1 " + std::string(257, 'x')),
            "*3 $11 unsubscribe $2 c1 :63 -ERR a channel's name may have 256 bytes");
}

}  // namespace
}  // namespace penstock::metaserver
