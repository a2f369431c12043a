#include "metaserver/state_store.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "support/run_task.h"
#include "support/zookeeper_process.h"
#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

using penstock::test::run;

class StateStoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<penstock::test::ZookeeperProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    static int count = 0;
    zk::SessionOptions options;
    options.servers = server_->address();
    options.chroot = "/test-" + std::to_string(count++);
    session_ = zk::open_session(loop_.get_executor(), options);
    while (!session_->connected()) loop_.run_one();
  }
  void TearDown() override { run(loop_, session_->stop()); }

  model::ShardState state() const { return *healthy_east().state; }
  model::ShardState committed() const {
    auto next = state();
    next.switching = model::SwitchRecord{};
    next.switching->cluster_epoch = 4;
    return next;
  }

  static inline std::unique_ptr<penstock::test::ZookeeperProcess> server_;
  boost::asio::io_context loop_;
  std::unique_ptr<zk::Session> session_;
};

TEST_F(StateStoreTest, writes_only_over_what_was_read) {
  StateStore mine(*session_, "east", "orders", "s1"), theirs(*session_, "east", "orders", "s1");
  EXPECT_FALSE(run(loop_, mine.read()).value().state);
  ASSERT_EQ(run(loop_, mine.write(state(), -1, false)).value(), 0);
  EXPECT_EQ(run(loop_, theirs.write(state(), -1, false)).error().code, Errc::conflict);

  const auto read = run(loop_, theirs.read()).value();
  EXPECT_EQ(read.state, state());
  ASSERT_EQ(run(loop_, theirs.write(state(), read.version, true)).value(), 1);
  EXPECT_EQ(run(loop_, mine.write(state(), 0, true)).error().code, Errc::conflict)
      << "somebody else has written";
}

TEST_F(StateStoreTest, commit_and_abort_exclude_each_other) {
  StateStore store(*session_, "west", "orders", "s1");
  ASSERT_EQ(run(loop_, store.write(state(), -1, false)).value(), 0);
  ASSERT_TRUE(run(loop_, store.prepare_decision()));
  EXPECT_EQ(run(loop_, store.read_decision(4)).value(), KnownDecision::none);

  ASSERT_TRUE(run(loop_, store.decide_abort(4, {false, "op", "ms-1", 0})));
  EXPECT_EQ(run(loop_, store.read_decision(4)).value(), KnownDecision::abort);
  EXPECT_EQ(run(loop_, store.write_with_commit(committed(), 0, {true, "op", "ms-1", 0})).error().code,
            Errc::conflict);
  EXPECT_EQ(run(loop_, store.read()).value().state, state()) << "neither half of the multi was written";

  auto later = committed();
  later.switching->cluster_epoch = 5;
  ASSERT_EQ(run(loop_, store.write_with_commit(later, 0, {true, "op", "ms-1", 0})).value(), 1);
  EXPECT_EQ(run(loop_, store.read_decision(5)).value(), KnownDecision::commit);
  EXPECT_EQ(run(loop_, store.decide_abort(5, {false, "op", "ms-1", 0})).error().code, Errc::conflict);
}

TEST_F(StateStoreTest, a_commit_over_a_state_that_moved_decides_nothing) {
  StateStore store(*session_, "west", "orders", "s1");
  ASSERT_EQ(run(loop_, store.write(state(), -1, false)).value(), 0);
  ASSERT_EQ(run(loop_, store.write(state(), 0, true)).value(), 1);
  ASSERT_TRUE(run(loop_, store.prepare_decision()));
  EXPECT_EQ(run(loop_, store.write_with_commit(committed(), 0, {true, "op", "ms-1", 0})).error().code,
            Errc::conflict);
  EXPECT_EQ(run(loop_, store.read_decision(4)).value(), KnownDecision::none);
}

}  // namespace
}  // namespace penstock::metaserver::test
