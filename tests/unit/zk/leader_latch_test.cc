#include "support/cuttable_link.h"
#include "unit/zk/zk_fixture.h"

namespace penstock::zk {
namespace {

class LeaderLatchTest : public ZkTest {
 protected:
  std::unique_ptr<LeaderLatch> join(Zk& zk, const std::string& data, int* changes = nullptr) {
    return join_election(loop_.get_executor(), zk, "/elector/here", data, [changes] {
      if (changes) ++*changes;
    });
  }
  std::string leader_of(LeaderLatch& latch) {
    auto data = run(latch.leader_data());
    return data ? data.value() : data.error().text();
  }
};

TEST_F(LeaderLatchTest, the_first_leads_and_the_next_takes_over) {
  Session& a = open();
  Session& b = open();
  Session& c = open();
  int changes = 0;
  auto first = join(a, "A");
  ASSERT_TRUE(eventually([&] { return first->is_leader(); }));
  auto second = join(b, "B", &changes);
  ASSERT_TRUE(eventually([&] { return changes > 0 && !second->node_path().empty(); }))
      << "told that it does not lead";
  auto third = join(c, "C");
  ASSERT_TRUE(eventually([&] { return !third->node_path().empty(); }));
  EXPECT_FALSE(second->is_leader());
  EXPECT_FALSE(third->is_leader());
  EXPECT_EQ(second->token(), 0);
  EXPECT_EQ(leader_of(*third), "A");
  const auto token = first->token();
  EXPECT_GT(token, 0);
  EXPECT_TRUE(run(a.multi({Op::check(first->node_path(), kAnyVersion)})));
  const auto old_node = first->node_path();

  run(first->stop());
  EXPECT_FALSE(first->is_leader());
  ASSERT_TRUE(eventually([&] { return second->is_leader(); }));
  EXPECT_GT(second->token(), token);
  EXPECT_FALSE(third->is_leader());
  EXPECT_EQ(leader_of(*third), "B");
  EXPECT_EQ(run(a.multi({Op::check(old_node, kAnyVersion)})).error().code, Errc::not_found)
      << "a deposed leader's write fails";

  run(b.stop());
  ASSERT_TRUE(eventually([&] { return third->is_leader(); }));
  run(second->stop());
  run(third->stop());
  EXPECT_EQ(run(c.children("/elector/here")).value().size(), 0u);
}

TEST_F(LeaderLatchTest, a_leader_that_is_cut_off_steps_down_by_itself_before_the_next_begins) {
  test::CuttableLink link(loop_.get_executor(), server_->port());
  auto linked = options(2s);
  linked.servers = "127.0.0.1:" + std::to_string(link.port());
  Session& a = open(linked);
  Session& b = open();
  auto first = join(a, "A");
  ASSERT_TRUE(eventually([&] { return first->is_leader(); }));
  auto second = join(b, "B");
  ASSERT_TRUE(eventually([&] { return !second->node_path().empty(); }));
  const auto token = first->token();

  link.cut();
  bool both = false;
  ASSERT_TRUE(eventually([&] {
    both = both || (first->is_leader() && second->is_leader());
    return second->is_leader();
  }));
  EXPECT_FALSE(both);
  EXPECT_FALSE(a.lease_holds());

  link.heal();
  ASSERT_TRUE(eventually([&] { return a.session_generation() == 2 && !first->node_path().empty(); }));
  EXPECT_FALSE(first->is_leader()) << "back at the end of the queue";
  run(second->stop());
  ASSERT_TRUE(eventually([&] { return first->is_leader(); }));
  EXPECT_GT(first->token(), token);
  run(first->stop());
  run(link.stop());
}

TEST_F(LeaderLatchTest, nobody_leads_an_empty_election) {
  Session& zk = open();
  auto latch = join(zk, "A");
  run(latch->stop());
  auto nobody = run(latch->leader_data());
  EXPECT_EQ(nobody.error().code, Errc::not_found);
}

}  // namespace
}  // namespace penstock::zk
