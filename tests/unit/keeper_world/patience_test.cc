// What a keeper does as time passes, with the limits that it really has: time is the test's own.
#include <gmock/gmock.h>

#include "common/resp/encode.h"
#include "fuzz/keeper_world.h"

namespace penstock::keeper {
namespace {

using namespace std::chrono_literals;
using fuzz::World;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kRdb = "REDIS0011 x\xff" + std::string(8, '\0');
const std::string kPsync = "PSYNC " + fuzz::kReplid + " 101\r\n";

const fuzz::Files& store() {
  static const fuzz::Files files = fuzz::store_of(kRdb, fuzz::echo('a', 100));
  return files;
}

class PatienceOf : public testing::Test {
 protected:
  PatienceOf() : world_(store(), [](KeeperOptions& options) { options.standalone = true; }) {}

  /// After how many seconds the keeper closes `link`, if each second `say` is sent; -1: not within 400.
  int seconds_until_closed(const World::Link& link, std::string_view say = "") {
    for (int second = 0; second < 400; ++second) {
      if (link->is_closed()) return second;
      if (!say.empty()) link->send(say, 0);
      world_.pass(1s);
    }
    return -1;
  }
  World::Link said(std::string_view bytes) {
    auto link = world_.connect("10.1.1.1");
    link->send(bytes, 0);
    world_.settle();
    return link;
  }

  World world_;
};

TEST_F(PatienceOf, clients_and_replicas) {
  EXPECT_THAT(seconds_until_closed(said("PING\r\n")), testing::AllOf(testing::Ge(300), testing::Le(302)));
  EXPECT_EQ(seconds_until_closed(said("PING\r\n"), "PING\r\n"), -1);
  EXPECT_THAT(seconds_until_closed(said("*2\r\n$4\r\nPING\r\n$400\r\n"), "x"),
              testing::AllOf(testing::Ge(60), testing::Le(62)));
  EXPECT_EQ(seconds_until_closed(said("SUBSCRIBE a\r\n")), -1);
  EXPECT_THAT(seconds_until_closed(said(kPsync)), testing::AllOf(testing::Ge(60), testing::Le(62)));
  EXPECT_EQ(seconds_until_closed(said(kPsync), "\n"), -1) << "it loads";
  EXPECT_THAT(seconds_until_closed(said("PSYNC " + fuzz::kReplid + " 9000\r\n")),
              testing::AllOf(testing::Ge(10), testing::Le(12)))
      << "it is ahead, and nobody is there to catch up with";
}

TEST_F(PatienceOf, who_takes_nothing_of_what_it_asked_for) {
  auto link = world_.connect("10.1.1.1");
  link->set_room(10);
  link->send("INFO\r\n", 0);
  EXPECT_THAT(seconds_until_closed(link, "INFO\r\n"), testing::AllOf(testing::Ge(60), testing::Le(62)));
  auto replica = world_.connect("10.1.1.2");
  replica->set_room(70);  // of the RDB it takes some bytes
  replica->send("PSYNC ? -1\r\n", 0);
  world_.settle();
  EXPECT_THAT(seconds_until_closed(replica), testing::AllOf(testing::Ge(60), testing::Le(62)));
}

TEST(PatienceOfStrangers, is_short) {
  World world(store(), [](KeeperOptions& options) { options.required_password = "secret"; });
  auto stranger = world.connect("10.1.1.1"), friendly = world.connect("10.1.1.1");
  friendly->send("AUTH secret\r\n", 0);
  for (int second = 0; second < 9; ++second) {
    stranger->send("PING\r\n", 0);
    world.pass(1s);
  }
  EXPECT_FALSE(stranger->is_closed());
  world.pass(1s);
  world.pass(1s);
  EXPECT_TRUE(stranger->is_closed());
  EXPECT_FALSE(friendly->is_closed());
}

/// A master of which the keeper waits for something.
class PatienceWithTheUpstream : public PatienceOf {
 protected:
  PatienceWithTheUpstream() {
    said("REPLICAOF 10.0.0.1 6379\r\n")->end();
    link_ = world_.take_dialled().at(0);
  }
  World::Link link_;
};

TEST_F(PatienceWithTheUpstream, that_says_nothing) {
  EXPECT_EQ(seconds_until_closed(link_), 60);
}

TEST_F(PatienceWithTheUpstream, that_does_not_end_a_line_it_has_begun) {
  link_->send("+", 0);
  EXPECT_THAT(seconds_until_closed(link_, "P"), testing::AllOf(testing::Ge(5), testing::Le(6)));
}

TEST_F(PatienceWithTheUpstream, that_says_that_it_is_busy) {
  EXPECT_EQ(seconds_until_closed(link_, "\n"), -1);
  link_->send("+PONG\r\n", 0);
  world_.settle();
  EXPECT_THAT(link_->take(), HasSubstr("REPLCONF"));
}

TEST_F(PatienceWithTheUpstream, that_is_silent_in_its_stream) {
  for (int i = 0; i < 3; ++i) {
    link_->send("+OK\r\n", 0);
    world_.settle();
  }
  link_->send("+CONTINUE\r\n", 0);
  world_.settle();
  EXPECT_EQ(world_.keeper().report().link, "connected");
  EXPECT_EQ(seconds_until_closed(link_, "\n"), -1);
  EXPECT_THAT(seconds_until_closed(link_), testing::AllOf(testing::Ge(60), testing::Le(62)));
}

}  // namespace
}  // namespace penstock::keeper
