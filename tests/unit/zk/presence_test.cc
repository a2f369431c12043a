#include "support/cuttable_link.h"
#include "unit/zk/zk_fixture.h"

namespace penstock::zk {
namespace {

class PresenceTest : public ZkTest {
 protected:
  std::unique_ptr<Presence> keep(Zk& zk, std::string data = "d", CreateMode mode = CreateMode::ephemeral) {
    return keep_present(loop_.get_executor(), zk, "/members/here", "m1", std::move(data), mode);
  }
};

TEST_F(PresenceTest, makes_its_node_and_parents_and_removes_it_on_stop) {
  Session& zk = open();
  auto presence = keep(zk);
  ASSERT_TRUE(eventually([&] { return presence->present(); }));
  EXPECT_EQ(presence->path(), "/members/here/m1");
  EXPECT_EQ(read(zk, "/members/here/m1"), "d");
  EXPECT_EQ(run(zk.get("/members/here/m1")).value().stat.ephemeral_owner, zk.session_id());
  run(presence->stop());
  EXPECT_FALSE(presence->present());
  EXPECT_FALSE(run(zk.exists("/members/here/m1")).value());
}

TEST_F(PresenceTest, a_sequential_one_has_a_guid_and_a_number) {
  Session& zk = open();
  auto presence = keep(zk, "d", CreateMode::ephemeral_sequential);
  ASSERT_TRUE(eventually([&] { return presence->present(); }));
  EXPECT_TRUE(presence->path().ends_with("-m1-0000000000")) << presence->path();
  EXPECT_EQ(presence->path().size(), std::string("/members/here/-m1-0000000000").size() + 32);
  run(presence->stop());
  EXPECT_TRUE(run(zk.children("/members/here")).value().empty());
}

TEST_F(PresenceTest, waits_for_another_sessions_node_to_go) {
  Session& old = open(options(20s));
  Session& zk = open();
  auto former = keep(old, "former");
  ASSERT_TRUE(eventually([&] { return former->present(); }));
  auto presence = keep(zk, "latter");
  EXPECT_FALSE(eventually([&] { return presence->present(); }, 300ms));
  EXPECT_EQ(read(zk, "/members/here/m1"), "former");
  run(former->stop());
  ASSERT_TRUE(eventually([&] { return presence->present(); }));
  EXPECT_EQ(read(zk, "/members/here/m1"), "latter");
  run(presence->stop());
}

TEST_F(PresenceTest, comes_back_with_its_newest_data_after_expiry) {
  for (const auto mode : {CreateMode::ephemeral, CreateMode::ephemeral_sequential}) {
    test::CuttableLink link(loop_.get_executor(), server_->port());
    auto linked = options(1s);
    linked.servers = "127.0.0.1:" + std::to_string(link.port());
    Session& zk = open(linked);
    Session& other = open();
    auto presence = keep(zk, "one", mode);
    ASSERT_TRUE(eventually([&] { return presence->present(); }));
    const std::string first = presence->path();
    presence->update("two");
    ASSERT_TRUE(eventually([&] { return read(zk, first) == "two"; }));

    link.cut();
    presence->update("three");
    int gone = 0;
    if (run(other.exists(first, [&] { ++gone; })).value()) ASSERT_TRUE(eventually([&] { return gone > 0; }));
    link.heal();
    ASSERT_TRUE(eventually([&] { return zk.session_generation() == 2 && presence->present(); }));
    EXPECT_EQ(read(other, presence->path()), "three");
    run(presence->stop());
    run(link.stop());
  }
}

TEST_F(PresenceTest, puts_a_node_that_somebody_removed_back) {
  Session& zk = open();
  Session& other = open();
  auto presence = keep(zk);
  ASSERT_TRUE(eventually([&] { return presence->present(); }));
  const auto before = run(zk.get("/members/here/m1")).value().stat.czxid;
  // It watches from its second look on; a removal before that is found at that look.
  ASSERT_TRUE(run(other.remove("/members/here/m1", kAnyVersion)));
  ASSERT_TRUE(eventually([&] {
    auto stat = run(other.exists("/members/here/m1"));
    return stat && stat.value() && stat.value()->czxid > before;
  }));
  run(presence->stop());
}

TEST_F(PresenceTest, can_be_stopped_without_a_connection) {
  Session& zk = open();
  auto presence = keep(zk);
  ASSERT_TRUE(eventually([&] { return presence->present(); }));
  run(zk.stop());
  run(presence->stop());
  auto never = keep(zk);
  run(never->stop());
}

}  // namespace
}  // namespace penstock::zk
