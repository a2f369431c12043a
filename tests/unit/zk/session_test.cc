#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "common/async/task_group.h"
#include "common/async/within.h"
#include "support/cuttable_link.h"
#include "unit/zk/zk_fixture.h"

namespace penstock::zk {
namespace {

class Sessions : public ZkTest {
 protected:
  SessionOptions through(const test::CuttableLink& link, Millis session_timeout) const {
    auto all = options(session_timeout);
    all.servers = "127.0.0.1:" + std::to_string(link.port());
    return all;
  }
};

/// Puts the outcome of a read where the test sees it.
Task<void> read_into(Zk* zk, std::string path, std::vector<Errc>* outcomes) {
  auto node = co_await zk->get(std::move(path));
  outcomes->push_back(node ? Errc::internal : node.error().code);
}

TEST_F(Sessions, calls_before_the_connection_fail_at_once) {
  auto nobody = options();
  nobody.servers = "127.0.0.1:1";
  Session& zk = begin(nobody);
  EXPECT_EQ(run(zk.get("/a")).error().code, Errc::unavailable);
  EXPECT_FALSE(zk.connected());
  EXPECT_FALSE(zk.lease_holds());
  EXPECT_EQ(zk.session_generation(), 0u);
  EXPECT_EQ(zk.session_id(), 0);
}

TEST_F(Sessions, survive_a_restart_of_the_server) {
  Session& zk = open(options(10s));
  create(zk, "/e", "", CreateMode::ephemeral);
  const auto id = zk.session_id();
  int changes = 0;
  const auto subscription = zk.on_session_change([&] { ++changes; });
  server_->kill();
  ASSERT_TRUE(eventually([&] { return !zk.connected(); }));
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(run(zk.get("/e")).error().code, Errc::unavailable);
  server_->start();
  ASSERT_TRUE(eventually([&] { return zk.connected(); }));
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(zk.session_id(), id);
  EXPECT_EQ(zk.session_generation(), 1u);
  EXPECT_TRUE(zk.lease_holds());
  EXPECT_EQ(run(zk.get("/e")).value().stat.ephemeral_owner, id);
}

TEST_F(Sessions, the_lease_ends_by_our_own_clock_while_the_server_is_frozen) {
  Session& zk = open(options(3s));
  ASSERT_TRUE(zk.lease_holds());
  EXPECT_FALSE(zk.lease_holds(3s)) << "never longer than the session timeout";
  server_->freeze();
  const auto frozen = MonoClock::now();
  EXPECT_TRUE(eventually([&] { return !zk.lease_holds(); }, 10s));
  EXPECT_LT(MonoClock::now() - frozen, 3s) << "before the server could expire it";
  server_->thaw();
  EXPECT_TRUE(eventually([&] { return zk.connected() && zk.lease_holds(); }));
}

TEST_F(Sessions, an_expiry_that_is_learnt_late_gives_a_new_session_and_fires_the_old_watches) {
  test::CuttableLink link(loop_.get_executor(), server_->port());
  Session& zk = open(through(link, 3s));
  Session& other = open();
  create(zk, "/e", "", CreateMode::ephemeral);
  const auto old_id = zk.session_id();
  int fired = 0;
  bool connected_when_fired = false;
  ASSERT_TRUE(run(zk.exists("/e", [&] {
    ++fired;
    connected_when_fired = zk.connected();
  })));

  link.cut();
  ASSERT_TRUE(eventually([&] { return !zk.connected(); }));
  // The server has expired the session when the ephemeral node goes; the client cannot know.
  int gone = 0;
  if (run(other.exists("/e", [&] { ++gone; })).value()) ASSERT_TRUE(eventually([&] { return gone > 0; }));
  EXPECT_EQ(zk.session_generation(), 1u);
  EXPECT_FALSE(zk.lease_holds());
  EXPECT_EQ(fired, 0);

  link.heal();
  ASSERT_TRUE(eventually([&] { return zk.connected(); }));
  EXPECT_EQ(zk.session_generation(), 2u);
  EXPECT_NE(zk.session_id(), old_id);
  EXPECT_TRUE(zk.lease_holds());
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(connected_when_fired);
  EXPECT_FALSE(run(zk.exists("/e")).value());
  run(link.stop());
}

TEST_F(Sessions, a_link_that_flaps_is_given_up_for_a_new_session) {
  test::CuttableLink link(loop_.get_executor(), server_->port());
  Session& zk = open(through(link, 3s));
  for (int cuts = 0; cuts < 10 && zk.session_generation() == 1; ++cuts) {
    link.cut();
    ASSERT_TRUE(eventually([&] { return !zk.connected(); }));
    link.heal();
    ASSERT_TRUE(eventually([&] { return zk.connected(); }));
  }
  EXPECT_EQ(zk.session_generation(), 2u);
  run(link.stop());
}

TEST_F(Sessions, a_wiped_server_means_a_new_session_with_its_chroot_made_again) {
  Session& zk = open(options(1s));
  create(zk, "/a");
  server_->kill();
  server_->wipe_data();
  server_->start();
  ASSERT_TRUE(eventually([&] { return zk.session_generation() == 2 && zk.connected(); }));
  EXPECT_FALSE(run(zk.exists("/a")).value());
  create(zk, "/a");
}

TEST_F(Sessions, a_call_ends_once_with_timeout_and_a_late_answer_is_dropped) {
  auto impatient = options(20s);
  impatient.request_timeout = 100ms;
  Session& zk = open(impatient);
  create(zk, "/a");
  int watched = 0;
  server_->freeze();
  EXPECT_EQ(run(zk.get("/a", [&] { ++watched; })).error().code, Errc::timeout);
  server_->thaw();
  ASSERT_TRUE(eventually([&] { return run(zk.set("/a", "x", kAnyVersion)).has_value(); }));
  EXPECT_EQ(watched, 0);
}

TEST_F(Sessions, calls_in_flight_when_the_connection_is_lost_end_with_timeout) {
  Session& zk = open(options(3s));
  server_->freeze();
  std::vector<Errc> outcomes;
  TaskGroup tasks(loop_.get_executor());
  for (int i = 0; i < 3; ++i) tasks.spawn("read", read_into(&zk, "/a", &outcomes));
  EXPECT_TRUE(eventually([&] { return outcomes.size() == 3; }));
  EXPECT_EQ(outcomes, std::vector<Errc>(3, Errc::timeout)) << "the effect is unknown";
  server_->thaw();
  run(tasks.stop());
  EXPECT_TRUE(eventually([&] { return zk.connected(); }));
}

TEST_F(Sessions, a_cancelled_call_ends_at_once) {
  Session& zk = open(options(20s));
  server_->freeze();
  std::vector<Errc> outcomes;
  TaskGroup tasks(loop_.get_executor());
  tasks.spawn("read", read_into(&zk, "/a", &outcomes));
  EXPECT_EQ(run(within(50ms, "read", zk.get("/a"))).error().code, Errc::timeout);
  EXPECT_TRUE(outcomes.empty());
  const auto before = MonoClock::now();
  run(tasks.stop());
  EXPECT_EQ(outcomes, std::vector<Errc>{Errc::cancelled});
  EXPECT_LT(MonoClock::now() - before, 2s);
  server_->thaw();
  ASSERT_TRUE(eventually([&] { return run(zk.create("/later", "", CreateMode::persistent)).has_value(); }))
      << "answers to calls that nobody waits for do no harm";
}

TEST_F(Sessions, stop_ends_outstanding_calls_and_later_ones) {
  Session& zk = open(options(20s));
  create(zk, "/a", "1");
  std::vector<Errc> outcomes;
  TaskGroup tasks(loop_.get_executor());
  server_->freeze();
  for (int i = 0; i < 200; ++i) tasks.spawn("read", read_into(&zk, "/a", &outcomes));
  EXPECT_EQ(run(within(20ms, "let them begin", zk.get("/a"))).error().code, Errc::timeout);
  EXPECT_TRUE(outcomes.empty());
  run(zk.stop());
  EXPECT_TRUE(eventually([&] { return tasks.size() == 0; }));
  EXPECT_EQ(outcomes, std::vector<Errc>(200, Errc::cancelled));
  EXPECT_EQ(run(zk.get("/a")).error().code, Errc::cancelled);
  run(zk.stop());
  run(tasks.stop());
  server_->thaw();
}

TEST_F(Sessions, stop_lets_ephemerals_go_at_once) {
  Session& zk = open(options(20s));
  Session& other = open();
  create(zk, "/e", "", CreateMode::ephemeral);
  bool gone = false;
  ASSERT_TRUE(run(other.exists("/e", [&] { gone = true; })).value());
  run(zk.stop());
  EXPECT_TRUE(eventually([&] { return gone; }, 10s)) << "long before the session timeout";
}

TEST_F(Sessions, stop_works_in_every_stage_of_opening) {
  for (int i = 0; i < 5; ++i) {
    Session& zk = begin(options());
    if (i > 0) EXPECT_FALSE(eventually([&] { return false; }, Millis{i * 5}));
    run(zk.stop());
    EXPECT_FALSE(zk.connected());
  }
  auto nobody = options();
  nobody.servers = "not an address";
  Session& zk = begin(nobody);
  EXPECT_FALSE(eventually([&] { return zk.connected(); }, 50ms));
  run(zk.stop());
}

TEST_F(Sessions, one_that_is_dropped_without_stop_closes_all_the_same) {
  Session& zk = open(options(20s));
  Session& other = open();
  create(zk, "/e", "", CreateMode::ephemeral);
  bool gone = false;
  ASSERT_TRUE(run(other.exists("/e", [&] { gone = true; })).value());
  sessions_.erase(sessions_.begin());
  EXPECT_TRUE(eventually([&] { return gone; }, 10s));
}

}  // namespace
}  // namespace penstock::zk
