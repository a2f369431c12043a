#include "unit/zk/zk_fixture.h"

namespace penstock::zk {
namespace {

class Operations : public ZkTest {};

TEST_F(Operations, create_get_set_remove) {
  Session& zk = open();
  EXPECT_EQ(run(zk.create("/a", "one", CreateMode::persistent)).value(), "/a");
  EXPECT_EQ(read(zk, "/a"), "one");
  const Stat set = run(zk.set("/a", "two", 0)).value();
  EXPECT_EQ(set.version, 1);
  const Node node = run(zk.get("/a")).value();
  EXPECT_EQ(node.data, "two");
  EXPECT_EQ(node.stat.version, 1);
  EXPECT_EQ(node.stat.ephemeral_owner, 0);
  EXPECT_GT(node.stat.czxid, 0);
  EXPECT_TRUE(run(zk.sync("/")));
  EXPECT_TRUE(run(zk.remove("/a", 1)));
  EXPECT_FALSE(run(zk.exists("/a")).value().has_value());
}

TEST_F(Operations, data_is_bytes) {
  Session& zk = open();
  const std::string bytes("a\0b\xff", 4);
  create(zk, "/bytes", bytes);
  EXPECT_EQ(read(zk, "/bytes"), bytes);
  create(zk, "/empty", "");
  EXPECT_EQ(read(zk, "/empty"), "");
}

TEST_F(Operations, errors_say_what_and_where) {
  Session& zk = open();
  const auto missing = run(zk.get("/nowhere"));
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find("zk get /nowhere"), std::string::npos) << missing.error().message;
  EXPECT_EQ(run(zk.create("/x/y", "", CreateMode::persistent)).error().code, Errc::not_found) << "no parent";
  create(zk, "/a", "");
  create(zk, "/a/b", "");
  EXPECT_EQ(run(zk.create("/a", "", CreateMode::persistent)).error().code, Errc::conflict);
  EXPECT_EQ(run(zk.set("/a", "x", 7)).error().code, Errc::conflict) << "compare-and-set";
  EXPECT_EQ(run(zk.remove("/a", kAnyVersion)).error().code, Errc::conflict) << "not empty";
  EXPECT_EQ(run(zk.get("relative")).error().code, Errc::invalid_argument);
}

TEST_F(Operations, children_are_sorted_names) {
  Session& zk = open();
  for (const char* path : {"/d", "/d/c", "/d/a", "/d/b"}) create(zk, path);
  EXPECT_EQ(run(zk.children("/d")).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(run(zk.children("/")).value(), (std::vector<std::string>{"d"}));
}

TEST_F(Operations, sequential_nodes_are_numbered_and_ephemerals_are_ours) {
  Session& zk = open();
  create(zk, "/q");
  const auto first = run(zk.create("/q/e-", "", CreateMode::persistent_sequential)).value();
  const auto second = run(zk.create("/q/e-", "", CreateMode::ephemeral_sequential)).value();
  EXPECT_EQ(first, "/q/e-0000000000");
  EXPECT_EQ(second, "/q/e-0000000001");
  EXPECT_EQ(run(zk.get(second)).value().stat.ephemeral_owner, zk.session_id());
}

TEST_F(Operations, a_multi_is_all_or_nothing_and_names_the_operation_that_failed) {
  Session& zk = open();
  create(zk, "/m", "0");
  std::vector<Op> good{Op::create("/m/a", "1"), Op::set("/m", "1", 0), Op::check("/m", 1),
                       Op::create("/m/b", "", CreateMode::ephemeral)};
  ASSERT_TRUE(run(zk.multi(good)));
  EXPECT_EQ(read(zk, "/m"), "1");
  EXPECT_EQ(read(zk, "/m/a"), "1");

  std::vector<Op> bad{Op::set("/m", "2", 1), Op::check("/m/a", 9), Op::remove("/m/b", kAnyVersion)};
  const auto refused = run(zk.multi(bad));
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("operation 1, check /m/a"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(read(zk, "/m"), "1") << "rolled back";

  std::vector<Op> deposed{Op::check("/m/gone", kAnyVersion), Op::set("/m", "3", 1)};
  EXPECT_EQ(run(zk.multi(deposed)).error().code, Errc::not_found);
  EXPECT_TRUE(run(zk.multi({})));
}

TEST_F(Operations, what_is_too_large_is_refused_and_harms_nobody) {
  Session& zk = open();
  EXPECT_EQ(run(zk.create("/big", std::string(600'000, 'x'), CreateMode::persistent)).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(run(zk.multi(std::vector<Op>(501, Op::check("/", kAnyVersion)))).error().code,
            Errc::invalid_argument);
  create(zk, "/fits", std::string(500'000, 'x'));
  EXPECT_EQ(read(zk, "/fits").size(), 500'000u);
  EXPECT_TRUE(run(zk.multi(std::vector<Op>(500, Op::check("/", kAnyVersion)))));
  EXPECT_TRUE(zk.connected());
}

TEST_F(Operations, ensure_path_makes_what_is_missing) {
  Session& zk = open();
  EXPECT_TRUE(run(ensure_path(zk, "/p/q/r")));
  EXPECT_TRUE(run(ensure_path(zk, "/p/q/r")));
  EXPECT_TRUE(run(ensure_path(zk, "/p/q/s")));
  EXPECT_EQ(run(zk.children("/p/q")).value(), (std::vector<std::string>{"r", "s"}));
}

TEST_F(Operations, a_missing_chroot_is_made_and_hides_the_rest) {
  auto deep = options();
  deep.chroot += "/deep/er";
  Session& inside = open(deep);
  create(inside, "/x", "in");
  auto whole = options();
  whole.chroot = "/";
  Session& outside = open(whole);
  EXPECT_EQ(read(outside, deep.chroot + "/x"), "in");
}

}  // namespace
}  // namespace penstock::zk
