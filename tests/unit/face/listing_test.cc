#include "metaserver/face/listing.h"

#include <gmock/gmock.h>

#include "unit/face/halls.h"

namespace penstock::metaserver {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(FaceListing, a_master_has_what_clients_read) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  EXPECT_THAT(say(conversation, "SENTINEL master orders/s1"),
              AllOf(StartsWith("*38 $4 name $9 orders/s1 $2 ip $9 127.0.0.1 $4 port $4 6001 $5 runid $40 "),
                    HasSubstr(" $5 flags $6 master "), HasSubstr(" $19 num-other-sentinels $1 1 "),
                    HasSubstr(" $10 num-slaves $1 2 "), HasSubstr(" $9 active-dc $4 east")));
}

TEST(FaceListing, masters_are_those_that_have_an_address) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  EXPECT_THAT(say(conversation, "SENTINEL masters"),
              AllOf(StartsWith("*1 *38 $4 name $9 orders/s1 "), Not(HasSubstr("orders/s2"))));
}

TEST(FaceListing, replicas_are_those_of_this_data_center_with_their_health) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  const std::string replicas = say(conversation, "SENTINEL replicas orders/s1");
  EXPECT_THAT(replicas,
              AllOf(StartsWith("*2 *36 $4 name $14 127.0.0.1:6101 $2 ip $9 127.0.0.1 $4 port $4 6101 "),
                    HasSubstr(" $5 flags $5 slave "), HasSubstr(" $5 flags $25 s_down,slave,disconnected "),
                    HasSubstr(" $11 master-host $9 127.0.0.1 $11 master-port $4 6001 ")));
  EXPECT_EQ(say(conversation, "SENTINEL slaves orders/s1"), replicas);
}

TEST(FaceListing, sentinels_are_the_other_faces) {
  SomeHall some;
  Conversation conversation(some.hall, 1);
  const std::string id = run_id_of("west/ms-2");
  EXPECT_THAT(
      say(conversation, "SENTINEL sentinels orders/s1"),
      AllOf(StartsWith("*1 *28 $4 name $40 " + id + " $2 ip $9 127.0.0.1 $4 port $4 9002 $5 runid $40 " + id),
            HasSubstr(" $5 flags $8 sentinel ")));
}

TEST(FaceListing, info_says_sentinel) {
  SomeHall some;
  const std::string all = info_text(some.hall.facts, "");
  EXPECT_THAT(
      all,
      AllOf(HasSubstr("redis_mode:sentinel\r\n"), HasSubstr("sentinel_masters:1\r\n"),
            HasSubstr("master0:name=orders/s1,status=ok,address=127.0.0.1:6001,slaves=2,sentinels=2\r\n")));
  EXPECT_THAT(info_text(some.hall.facts, "SERVER"), Not(HasSubstr("master0")));
  EXPECT_THAT(info_text(some.hall.facts, "SENTINEL"), StartsWith("# Sentinel\r\n"));
}

TEST(FaceListing, a_run_id_is_one) {
  EXPECT_EQ(run_id_of("west/ms-1").size(), 40u);
  EXPECT_EQ(run_id_of("west/ms-1"), run_id_of("west/ms-1"));
  EXPECT_NE(run_id_of("west/ms-1"), run_id_of("west/ms-2"));
  EXPECT_EQ(run_id_of("x").find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(SharedAnswers, are_rendered_again_when_something_has_changed) {
  SomeHall some;
  Conversation conversation(some.hall, 1), other(some.hall, 2);
  const auto first = conversation.answer({"SENTINEL", "masters"});
  EXPECT_EQ(other.answer({"sentinel", "MASTERS"}), first) << "the same bytes, not a copy";
  const auto info = conversation.answer({"INFO"});
  EXPECT_EQ(other.answer({"INFO"}), info);
  other.answer({"HELLO", "3"});
  EXPECT_NE(other.answer({"SENTINEL", "masters"}), first);
  some.tell("orders/s1", MasterStatement{"west", {4, 1}, Address{"127.0.0.1", 6101}});
  EXPECT_THAT(say(conversation, "SENTINEL masters"), HasSubstr(" $4 port $4 6101 "));
  EXPECT_THAT(say(conversation, "INFO sentinel"), HasSubstr("address=127.0.0.1:6101"));
  some.hall.facts.others.clear();
  EXPECT_THAT(say(conversation, "SENTINEL masters"), HasSubstr(" $19 num-other-sentinels $1 0 "));
  EXPECT_EQ(conversation.answer({"INFO", "keyspace"}), conversation.answer({"INFO", "persistence"}))
      << "a name that nobody knows takes no memory";
}

}  // namespace
}  // namespace penstock::metaserver
