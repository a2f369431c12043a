#include "metaserver/membership/membership.h"

#include <set>

#include "common/base/names.h"
#include "common/model/zk_paths.h"
#include "support/cuttable_link.h"
#include "unit/zk/zk_fixture.h"

namespace penstock::metaserver {
namespace {

using namespace std::chrono_literals;
using zk::Session;

/// One metaserver: a session and its membership.
struct Server {
  Session* session = nullptr;
  std::unique_ptr<Membership> membership;
  int changes = 0;
};

class MembershipTest : public zk::ZkTest {
 protected:
  void TearDown() override {
    for (auto& server : servers_) run(server->membership->stop());
    servers_.clear();
    ZkTest::TearDown();
  }

  Server& join(const std::string& id, zk::SessionOptions options, Millis grace = 5s) {
    auto server = std::make_unique<Server>();
    server->session = &begin(std::move(options));
    const auto port = static_cast<std::uint16_t>(9'000 + servers_.size());
    model::MetaserverInfo self{id, Address{"127.0.0.1", port}, "0.1.0", 1, std::nullopt};
    server->membership = std::make_unique<Membership>(loop_.get_executor(), *server->session, "east", self,
                                                      MembershipOptions{30s, grace});
    server->membership->on_change([counter = &server->changes] { ++*counter; });
    server->membership->start();
    servers_.push_back(std::move(server));
    return *servers_.back();
  }
  Server& join(const std::string& id) { return join(id, options(2s)); }

  std::map<std::string, int> shares(const Server& server) {
    std::map<std::string, int> all;
    for (const auto& owner : server.membership->table().owners) ++all[owner];
    return all;
  }
  /// All of `who` are ready, see the same table, and share it evenly.
  bool settled(const std::vector<Server*>& who) {
    std::map<std::string, int> expected;
    for (const Server* server : who) {
      if (!server->membership->ready() || server->membership->table() != who[0]->membership->table())
        return false;
      if (server->membership->servers().size() != who.size() || !server->membership->leader()) return false;
      expected[server->membership->self().id] = 0;
    }
    const auto all = shares(*who[0]);
    if (all.size() != who.size()) return false;
    for (const auto& [id, share] : all)
      if (!expected.contains(id) || share < 256 / int(who.size()) || share > 256 / int(who.size()) + 1)
        return false;
    return true;
  }
  int leaders(const std::vector<Server*>& who) {
    return int(std::count_if(who.begin(), who.end(),
                             [](Server* server) { return server->membership->is_leader(); }));
  }

  std::vector<std::unique_ptr<Server>> servers_;
};

TEST_F(MembershipTest, one_server_owns_everything) {
  Server& a = join("a");
  EXPECT_FALSE(a.membership->ready());
  EXPECT_FALSE(a.membership->owns("orders"));
  ASSERT_TRUE(eventually([&] { return settled({&a}); }));
  EXPECT_TRUE(a.membership->is_leader());
  EXPECT_TRUE(a.membership->owns("orders"));
  EXPECT_FALSE(a.membership->owns("orders", 3s)) << "no longer than the lease runs";
  EXPECT_EQ(a.membership->owner_of("orders"), a.membership->self());
  EXPECT_EQ(a.membership->leader(), a.membership->self());
  EXPECT_GT(a.changes, 0);
}

TEST_F(MembershipTest, three_servers_share_the_slots_under_one_leader) {
  Server& a = join("a");
  Server& b = join("b");
  Server& c = join("c");
  const std::vector<Server*> all{&a, &b, &c};
  ASSERT_TRUE(eventually([&] { return settled(all); }));
  EXPECT_EQ(leaders(all), 1);
  for (const char* cluster : {"orders", "sessions", "carts", "users", "k1", "k2", "k3"}) {
    std::set<std::string> owners;
    int owning = 0;
    for (Server* server : all) {
      owning += server->membership->owns(cluster);
      owners.insert(server->membership->owner_of(cluster)->id);
    }
    EXPECT_EQ(owning, 1) << cluster;
    EXPECT_EQ(owners.size(), 1u) << cluster;
  }
}

TEST_F(MembershipTest, a_newcomer_gets_its_share_and_the_rest_stays) {
  Server& a = join("a");
  Server& b = join("b");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  const auto before = a.membership->table();
  Server& c = join("c");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b, &c}); }));
  const auto& after = a.membership->table();
  EXPECT_GT(after.version, before.version);
  for (std::size_t slot = 0; slot < after.owners.size(); ++slot)
    if (after.owners[slot] != "c") EXPECT_EQ(after.owners[slot], before.owners[slot]);
}

TEST_F(MembershipTest, the_slots_of_a_session_that_ends_move_at_once) {
  Server& a = join("a");
  Server& b = join("b");
  Server& c = join("c");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b, &c}); }));
  run(c.session->stop());
  EXPECT_FALSE(c.membership->owns("orders"));
  EXPECT_FALSE(c.membership->ready());
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }, 2s));
}

TEST_F(MembershipTest, the_leaders_death_gives_a_new_leader_and_a_new_table) {
  Server& a = join("a");
  ASSERT_TRUE(eventually([&] { return a.membership->is_leader(); }));
  Server& b = join("b");
  Server& c = join("c");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b, &c}); }));
  run(a.session->stop());
  ASSERT_TRUE(eventually([&] { return settled({&b, &c}); }, 4s));
  EXPECT_EQ(leaders({&a, &b, &c}), 1);
  EXPECT_NE(b.membership->leader()->id, "a");
  EXPECT_EQ(b.membership->leader(), c.membership->leader());
}

TEST_F(MembershipTest, a_server_that_is_cut_off_owns_nothing_before_another_owns_it) {
  test::CuttableLink link(loop_.get_executor(), server_->port());
  auto linked = options(2s);
  linked.servers = "127.0.0.1:" + std::to_string(link.port());
  Server& a = join("a", linked);
  ASSERT_TRUE(eventually([&] { return a.membership->is_leader(); }));
  Server& b = join("b");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  const char* clusters[] = {"orders", "sessions", "carts", "users", "k1", "k2", "k3"};
  bool both = false;
  const auto watch = [&] {
    for (const char* cluster : clusters)
      both = both || (a.membership->owns(cluster) && b.membership->owns(cluster));
  };
  link.cut();
  EXPECT_TRUE(eventually([&] {
    watch();
    return settled({&b});
  }));
  EXPECT_FALSE(both);
  EXPECT_TRUE(b.membership->is_leader());

  link.heal();
  EXPECT_TRUE(eventually([&] { return settled({&a, &b}); }));
  EXPECT_EQ(leaders({&a, &b}), 1);
  run(link.stop());
}

TEST_F(MembershipTest, who_leaves_cleanly_and_returns_keeps_its_slots) {
  Server& a = join("a");
  ASSERT_TRUE(eventually([&] { return a.membership->is_leader(); }));
  Server& b = join("b", options(2s), 20s);
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  const auto before = a.membership->table();
  run(b.membership->stop());
  ASSERT_TRUE(eventually([&] { return a.membership->servers().size() == 1; }, 2s))
      << "its registration is gone at once";
  EXPECT_FALSE(b.membership->owns("orders"));
  EXPECT_EQ(a.membership->table(), before);
  Server& again = join("b");
  ASSERT_TRUE(eventually([&] { return settled({&a, &again}); }));
  EXPECT_EQ(a.membership->table(), before);
  EXPECT_TRUE(eventually([&] {
    return run(a.session->children(zk_paths::restarting("east"))).value().empty();
  })) << "its marker is taken away";
}

TEST_F(MembershipTest, who_leaves_cleanly_for_good_loses_its_slots_after_the_grace) {
  Server& a = join("a", options(2s), 300ms);
  ASSERT_TRUE(eventually([&] { return a.membership->is_leader(); }));
  Server& b = join("b");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  const auto left = MonoClock::now();
  run(b.membership->stop());
  ASSERT_TRUE(eventually([&] { return settled({&a}); }));
  EXPECT_GE(MonoClock::now() - left, 300ms);
}

TEST_F(MembershipTest, recovers_from_a_restart_of_the_server) {
  Server& a = join("a");
  Server& b = join("b");
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  server_->kill();
  ASSERT_TRUE(eventually([&] { return !a.membership->ready() && !b.membership->ready(); }));
  EXPECT_FALSE(a.membership->owns("orders") || b.membership->owns("orders"));
  server_->start();
  ASSERT_TRUE(eventually([&] { return settled({&a, &b}); }));
  EXPECT_EQ(leaders({&a, &b}), 1);
}

TEST_F(MembershipTest, a_table_that_makes_no_sense_is_replaced) {
  Server& a = join("a");
  ASSERT_TRUE(eventually([&] { return settled({&a}); }));
  ASSERT_TRUE(run(a.session->set(zk_paths::slots("east"), "nonsense", zk::kAnyVersion)));
  ASSERT_TRUE(eventually([&] { return !settled({&a}) || a.membership->table().version > 1; }));
  ASSERT_TRUE(eventually([&] { return settled({&a}); }));
}

TEST_F(MembershipTest, can_be_stopped_before_it_was_ever_connected) {
  auto nobody = options();
  nobody.servers = "127.0.0.1:1";
  Server& a = join("a", nobody);
  EXPECT_FALSE(a.membership->ready());
  EXPECT_FALSE(a.membership->owner_of("orders"));
  run(a.membership->stop());
}

}  // namespace
}  // namespace penstock::metaserver
