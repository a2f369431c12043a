// A ZooKeeper server shared by a suite, and per test a loop, a chroot of its own, and sessions that are
// stopped at the end.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/zk/zk.h"
#include "support/eventually.h"
#include "support/run_task.h"
#include "support/zookeeper_process.h"

namespace penstock::zk {

using namespace std::chrono_literals;

class ZkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::ZookeeperProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  template <class T>
  T run(Task<T> task) {
    return test::run(loop_, std::move(task));
  }

  void TearDown() override {
    for (auto& session : sessions_) run(session->stop());
    sessions_.clear();
  }
  bool eventually(std::function<bool()> condition, Millis limit = 20s) {
    return run(test::eventually(std::move(condition), limit));
  }

  SessionOptions options(Millis session_timeout = 3s) const {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    return {server_->address(), "/test/" + name, session_timeout, 4s};
  }
  /// Opened, not yet connected.
  Session& begin(SessionOptions options) {
    sessions_.push_back(open_session(loop_.get_executor(), std::move(options)));
    return *sessions_.back();
  }
  Session& open(SessionOptions options) {
    Session& session = begin(std::move(options));
    EXPECT_TRUE(eventually([&] { return session.connected(); }));
    return session;
  }
  Session& open() { return open(options()); }

  void create(Zk& zk, const std::string& path, const std::string& data = "",
              CreateMode mode = CreateMode::persistent) {
    auto created = run(zk.create(path, data, mode));
    ASSERT_TRUE(created) << created.error().text();
  }
  std::string read(Zk& zk, const std::string& path) {
    auto node = run(zk.get(path));
    return node ? node.value().data : node.error().text();
  }

  static inline std::unique_ptr<test::ZookeeperProcess> server_;
  boost::asio::io_context loop_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace penstock::zk
