#include "unit/zk/zk_fixture.h"

namespace penstock::zk {
namespace {

class Watches : public ZkTest {};

TEST_F(Watches, fire_once_for_data_children_creation_and_deletion) {
  Session& zk = open();
  Session& other = open();
  create(zk, "/w", "1");

  int data = 0, children = 0, creation = 0;
  ASSERT_TRUE(run(zk.get("/w", [&] { ++data; })));
  ASSERT_TRUE(run(zk.children("/w", [&] { ++children; })));
  ASSERT_FALSE(run(zk.exists("/w/c", [&] { ++creation; })).value());

  ASSERT_TRUE(run(other.set("/w", "2", kAnyVersion)));
  create(other, "/w/c");
  EXPECT_TRUE(eventually([&] { return data == 1 && children == 1 && creation == 1; }));

  ASSERT_TRUE(run(other.set("/w", "3", kAnyVersion)));
  ASSERT_TRUE(run(other.remove("/w/c", kAnyVersion)));
  ASSERT_TRUE(run(zk.sync("/")));
  EXPECT_EQ(data + children + creation, 3) << "one-shot";

  ASSERT_TRUE(run(zk.get("/w", [&] { ++data; })));
  ASSERT_TRUE(run(zk.children("/w", [&] { ++children; })));
  ASSERT_TRUE(run(other.remove("/w", kAnyVersion)));
  EXPECT_TRUE(eventually([&] { return data == 2 && children == 2; })) << "a deletion is told to both";
}

TEST_F(Watches, a_read_that_fails_sets_none) {
  Session& zk = open();
  int calls = 0;
  EXPECT_EQ(run(zk.get("/none", [&] { ++calls; })).error().code, Errc::not_found);
  create(zk, "/none");
  ASSERT_TRUE(run(zk.sync("/")));
  EXPECT_EQ(calls, 0);
}

TEST_F(Watches, a_watcher_that_reads_again_is_called_once_and_not_after_its_death) {
  Session& zk = open();
  create(zk, "/w", "1");
  int calls = 0;
  auto watcher = std::make_unique<Watcher>([&] { ++calls; });
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(run(zk.get("/w", *watcher)));
  ASSERT_TRUE(run(zk.set("/w", "2", kAnyVersion)));
  EXPECT_TRUE(eventually([&] { return calls > 0; }));
  ASSERT_TRUE(run(zk.sync("/")));
  EXPECT_EQ(calls, 1);

  ASSERT_TRUE(run(zk.get("/w", *watcher)));
  watcher.reset();
  ASSERT_TRUE(run(zk.set("/w", "3", kAnyVersion)));
  ASSERT_TRUE(run(zk.sync("/")));
  EXPECT_EQ(calls, 1);
}

TEST_F(Watches, survive_a_restart_of_the_server_and_tell_what_was_missed) {
  Session& zk = open(options(10s));
  create(zk, "/w", "1");
  int calls = 0;
  ASSERT_TRUE(run(zk.get("/w", [&] { ++calls; })));
  const auto session = zk.session_id();
  server_->kill();
  ASSERT_TRUE(eventually([&] { return !zk.connected(); }));
  server_->start();
  ASSERT_TRUE(eventually([&] { return zk.connected(); }));
  ASSERT_EQ(zk.session_id(), session);
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(run(zk.set("/w", "2", kAnyVersion)));
  EXPECT_TRUE(eventually([&] { return calls == 1; }));
}

TEST_F(Watches, too_many_paths_are_refused) {
  Session& zk = open();
  const std::string name(4'000, 'n');
  int refused = 0;
  for (int i = 0; i < 80; ++i) {
    auto read = run(zk.exists("/" + name + std::to_string(i), [] {}));
    if (!read && read.error().code == Errc::invalid_argument) ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 40);
  EXPECT_TRUE(zk.connected());
}

}  // namespace
}  // namespace penstock::zk
