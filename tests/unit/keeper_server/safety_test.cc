// What must not happen to the data behind a keeper: wiped by an upstream that came back empty, lost with a
// master that had more than its successor, read by who has no password, stormed by who cannot load it, or
// caught in a circle.
#include <gmock/gmock.h>

#include <fstream>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kNewId = "ffffffffffffffffffffffffffffffffffffffff";

std::string length_header(std::size_t length) {
  return "$" + std::to_string(length) + "\r\n";
}
std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::string secret_file(const test::TempDir& dir, const std::string& name, const std::string& secret) {
  const auto path = dir.path() / name;
  std::ofstream(path) << secret << '\n';
  return path.string();
}

TEST(EmptyUpstream, DoesNotWipeWhatIsBehindUntilItIsLetThrough) {
  Redis master;
  ASSERT_EQ(master.say({"SET", "precious", "1"}), "+OK");
  KeeperProcess keeper(master.port());
  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(wait_until([&] { return replica.say({"GET", "precious"}) == "+1"; }));

  master.kill();
  master.start();
  ASSERT_TRUE(wait_until([&] { return keeper.state("link") == "held"; }));
  EXPECT_THAT(keeper.info("keeper_upstream_error"), HasSubstr("the upstream is empty"));
  EXPECT_EQ(replica.say({"GET", "precious"}), "+1");
  Redis late;
  late.follow(keeper.port());
  EXPECT_TRUE(wait_until([&] { return late.say({"GET", "precious"}) == "+1"; })) << "what is held is served";

  EXPECT_EQ(keeper.say({"KEEPER", "ACCEPTEMPTY"}), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  EXPECT_TRUE(wait_until([&] { return replica.say({"DBSIZE"}) == ":0"; }));
  EXPECT_TRUE(wait_until([&] { return late.say({"DBSIZE"}) == ":0"; }));
}

TEST(EmptyUpstream, PassesWhereNothingIsHeld) {
  Redis master;
  KeeperProcess keeper(master.port());
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  const auto before = keeper.number("full_syncs");
  master.kill();
  master.start();
  EXPECT_TRUE(wait_until([&] { return keeper.is_connected() && keeper.number("full_syncs") == before + 1; }));
}

TEST(DivergedTail, IsPutAsideBeforeTheFullSyncThatLosesIt) {
  constexpr std::int64_t kStart = 1000;
  const std::string shared = set_command("shared", "1");
  const std::string only_here = set_command("only", "here") + set_command("and", "this");
  const std::int64_t second = kStart + static_cast<std::int64_t>(shared.size()) + 1;
  FakeMaster master([&](Link& link) {
    if (!FakeMaster::greet(link)) return;
    const std::string rdb = rdb_with("old");
    link.send("+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kStart) + "\r\n" +
              length_header(rdb.size()) + rdb + shared + only_here);
    FakeMaster::stay(link);
  });
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  const std::int64_t end = second - 1 + static_cast<std::int64_t>(only_here.size());
  ASSERT_TRUE(wait_until([&] { return keeper.offset() == end; }));

  // Promoted at `second`: what came behind it is known to nobody else.
  master.play([&](Link& link) {
    const auto first = FakeMaster::read_command(link);
    if (!first) return;
    if (first->front() == "KEEPER") {  // asked for its history, on a connection for that
      link.send("-ERR unknown command 'KEEPER'\r\n");
      if (!FakeMaster::read_command(link)) return;
      const std::string info =
          "# Replication\r\nrole:master\r\nmaster_replid:" + kNewId + "\r\nmaster_replid2:" + kReplid +
          "\r\nmaster_repl_offset:7000\r\nsecond_repl_offset:" + std::to_string(second) + "\r\n";
      link.send(length_header(info.size()) + info + "\r\n");
      FakeMaster::stay(link);
      return;
    }
    link.send("+PONG\r\n");
    if (!FakeMaster::greet(link)) return;
    const std::string rdb = rdb_with("new");
    link.send("+FULLRESYNC " + kNewId + " 7000\r\n" + length_header(rdb.size()) + rdb);
    FakeMaster::stay(link);
  });
  ASSERT_TRUE(wait_until([&] { return keeper.state("replid") == kNewId; }));
  const auto file =
      keeper.directory() / "keeper" /
      ("diverged-" + std::string(kReplid) + "-" + std::to_string(second) + "-" + std::to_string(end));
  EXPECT_EQ(content_of(file), only_here);
  EXPECT_EQ(keeper.info("keeper_diverged_files"), "1");
  keeper.stop();
  keeper.start();
  EXPECT_EQ(content_of(file), only_here) << "a restart leaves it alone";
}

TEST(Password, IsAskedOfEverybodyAndSaidToTheUpstream) {
  test::TempDir dir;
  const std::string password = secret_file(dir, "password", "between us");
  Redis master;
  ASSERT_EQ(master.say({"CONFIG", "SET", "requirepass", "between us"}), "+OK");
  KeeperProcess keeper(master.port(), {"--password-file", password, "--required-password-file", password});
  for (const resp::Command& command : {resp::Command{"INFO"},
                                       {"KEEPER", "GETSTATE"},
                                       {"REPLICAOF", "127.0.0.1", "1"},
                                       {"PSYNC", "?", "-1"},
                                       {"REPLCONF", "capa", "eof"}})
    EXPECT_THAT(keeper.say(command), StartsWith("-NOAUTH")) << command.front();
  EXPECT_EQ(keeper.say({"PING"}), "+PONG");
  EXPECT_THAT(keeper.say({"AUTH", "between"}), StartsWith("-WRONGPASS"));
  EXPECT_THAT(keeper.say({"AUTH", ""}), StartsWith("-WRONGPASS"));
  EXPECT_EQ(keeper.say({"AUTH", "anybody", "between us"}), "+OK");

  Redis replica;
  ASSERT_EQ(replica.say({"CONFIG", "SET", "masterauth", "between us"}), "+OK");
  replica.follow(keeper.port());
  RespConnection to_master(master.port());
  EXPECT_EQ(test::text_of(to_master.call({"AUTH", "between us"})), "+OK");
  EXPECT_EQ(test::text_of(to_master.call({"SET", "k", "v"})), "+OK");
  EXPECT_TRUE(wait_until([&] { return replica.say({"GET", "k"}) == "+v"; }));
  Redis stranger;
  stranger.follow(keeper.port());
  EXPECT_TRUE(wait_until([&] { return stranger.log().find("NOAUTH") != std::string::npos; }));
  EXPECT_FALSE(stranger.link_is_up());
}

TEST(Password, AWrongOneIsSaidToBeWrong) {
  test::TempDir dir;
  Redis master;
  ASSERT_EQ(master.say({"CONFIG", "SET", "requirepass", "right"}), "+OK");
  KeeperProcess keeper(master.port(), {"--password-file", secret_file(dir, "password", "wrong")});
  EXPECT_TRUE(wait_until([&] {
    return keeper.info("keeper_upstream_error").find("WRONGPASS") != std::string::npos;
  })) << keeper.info("keeper_upstream_error");
}

TEST(FullSyncStorm, AReplicaThatLoadsNothingIsHeldOff) {
  Redis master;
  KeeperProcess keeper(master.port());
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  const auto ask = [&] {
    RespConnection link(keeper.port());
    EXPECT_EQ(
        test::text_of(link.call({"REPLCONF", "listening-port", "4711", "capa", "eof", "capa", "psync2"})),
        "+OK");
    return test::text_of(link.call({"PSYNC", "?", "-1"}));
  };
  EXPECT_THAT(ask(), StartsWith("+FULLRESYNC"));
  std::string answer;
  EXPECT_TRUE(wait_until([&] {
    answer = ask();
    return answer.starts_with("-NOMASTERLINK");
  })) << answer;
  EXPECT_THAT(answer, HasSubstr("not loaded"));
  Redis good;
  good.follow(keeper.port());
  EXPECT_TRUE(wait_until([&] { return good.link_is_up(); })) << "others are not concerned";
  EXPECT_TRUE(wait_until([&] { return ask().starts_with("+FULLRESYNC"); })) << "it may try again";
}

TEST(Circle, IsSeenAndHealsWhenItIsOpened) {
  Redis master;
  ASSERT_EQ(master.say({"SET", "k", "v"}), "+OK");
  LocalKeeper a, b;
  ASSERT_EQ(a.order("ACTIVE", b.port(), 1), "+OK");
  ASSERT_EQ(b.order("ACTIVE", a.port(), 1), "+OK");
  EXPECT_TRUE(wait_until([&] {
    return a.info("keeper_upstream_error").find("a circle") != std::string::npos ||
           b.info("keeper_upstream_error").find("a circle") != std::string::npos;
  }));
  ASSERT_EQ(b.order("ACTIVE", master.port(), 2), "+OK");
  EXPECT_TRUE(wait_until([&] { return a.is_connected() && b.is_connected(); }));
  Redis replica;
  replica.follow(a.port());
  EXPECT_TRUE(wait_until([&] { return replica.say({"GET", "k"}) == "+v"; }));
}

TEST(Circle, OfThreeIsSeenAndHealsWhenItIsOpened) {
  Redis master;
  ASSERT_EQ(master.say({"SET", "k", "v"}), "+OK");
  LocalKeeper a, b, c;
  ASSERT_EQ(a.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_EQ(b.order("ACTIVE", a.port(), 1), "+OK");
  ASSERT_EQ(c.order("ACTIVE", b.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return a.is_connected() && b.is_connected() && c.is_connected(); }));
  ASSERT_EQ(a.order("ACTIVE", c.port(), 2), "+OK");
  const auto error = [&] { return a.info("keeper_upstream_error"); };
  EXPECT_TRUE(wait_until([&] { return error().find("which is this keeper itself") != std::string::npos; }));
  for (const LocalKeeper* keeper : {&a, &b, &c})
    EXPECT_THAT(error(), HasSubstr("127.0.0.1:" + std::to_string(keeper->port())));
  EXPECT_FALSE(a.is_connected());

  ASSERT_EQ(c.order("ACTIVE", master.port(), 3), "+OK");
  ASSERT_EQ(master.say({"SET", "k", "later"}), "+OK");
  Redis replica;
  replica.follow(b.port());
  EXPECT_TRUE(wait_until([&] { return replica.say({"GET", "k"}) == "+later"; }));
  EXPECT_EQ(a.number("full_syncs") + b.number("full_syncs") + c.number("full_syncs"), 1);
}

TEST(Circle, OfOneIsSeen) {
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", keeper.port(), 1), "+OK");
  EXPECT_TRUE(wait_until([&] {
    return keeper.info("keeper_upstream_error").find("is this keeper itself") != std::string::npos;
  }));
}

}  // namespace
}  // namespace penstock::keeper
