// Full resyncs that a keeper gives: one RDB for all who wait, while it still arrives, whole or not at all;
// and replicas that stand still.
#include <gmock/gmock.h>

#include <condition_variable>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;
using testing::StartsWith;

const std::string kMark = "0123456789abcdef0123456789abcdef01234567";
const std::string kNewId = "ffffffffffffffffffffffffffffffffffffffff";
const std::string kBody = "\xfe" + std::string(2 << 20, 'r');
const std::string kRdb = rdb_with(kBody);
const std::string kStream = set_command("a", "1") + set_command("b", std::string(1000, 'b'));
constexpr std::int64_t kOffset = 5000;

/// Something that a script waits for.
class Step {
 public:
  void allow() {
    const std::lock_guard lock(mutex_);
    allowed_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return allowed_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool allowed_ = false;
};

std::string full_resync(const std::string& id = kNewId) {
  return "+FULLRESYNC " + id + " " + std::to_string(kOffset);
}
std::string length_header(const std::string& rdb = kRdb) {
  return "$" + std::to_string(rdb.size());
}

/// A full resync that stops in the middle of its RDB until `rest` is allowed.
FakeMaster::Script half_and_rest(bool with_mark, std::string rdb, Step& rest,
                                 const std::string& id = kNewId) {
  return [=, &rest](Link& link) {
    const auto psync = FakeMaster::greet(link);
    if (!psync) return;
    if (psync->at(1) == id) {
      link.send("+CONTINUE\r\n");
      return FakeMaster::stay(link);
    }
    link.send(full_resync(id) + "\r\n" + (with_mark ? "$EOF:" + kMark : length_header(rdb)) + "\r\n");
    link.send(rdb.substr(0, rdb.size() / 2));
    rest.wait();
    link.send(rdb.substr(rdb.size() / 2) + (with_mark ? kMark : ""));
    if (with_mark) FakeMaster::read_command(link);  // the acknowledgement
    link.send(kStream);
    FakeMaster::stay(link);
  };
}

RespConnection asks(const AnyKeeper& keeper, const resp::Command& psync = {"PSYNC", "?", "-1"},
                    const std::string& capa = "eof") {
  RespConnection link(keeper.port());
  link.call({"REPLCONF", "capa", capa, "capa", "psync2"});
  link.send_command(psync);
  return link;
}

class OneRdb : public testing::TestWithParam<bool> {};

TEST_P(OneRdb, ServesAllWhoWaitWhileItArrives) {
  const bool with_mark = GetParam();
  Step rest;
  FakeMaster master(half_and_rest(with_mark, kRdb, rest));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  std::vector<RespConnection> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(asks(keeper));
  std::vector<std::string> marks;
  for (RespConnection& replica : replicas) {
    ASSERT_EQ(replica.read_line(), full_resync());
    const std::string header = replica.read_line().value_or("closed");
    ASSERT_EQ(header.substr(0, 5), with_mark ? "$EOF:" : length_header().substr(0, 5));
    marks.push_back(with_mark ? header.substr(5) : "");
    ASSERT_EQ(marks.back().size(), with_mark ? 40u : 0u);
    ASSERT_TRUE(replica.read_bytes(kRdb.size() / 2 - 1) == kRdb.substr(0, kRdb.size() / 2 - 1));
  }
  EXPECT_EQ(keeper.number("full_syncs"), 0) << "it is still arriving";
  rest.allow();
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const std::string left = kRdb.substr(kRdb.size() / 2 - 1) + marks[i];
    ASSERT_TRUE(replicas[i].read_bytes(left.size()) == left);
    if (with_mark) {
      EXPECT_NE(marks[i], kMark) << "a mark of our own";
      EXPECT_EQ(replicas[i].read_available(std::chrono::milliseconds(200)), "")
          << "nothing before it is loaded";
      replicas[i].send_command({"REPLCONF", "ACK", std::to_string(kOffset)});
    }
    EXPECT_TRUE(replicas[i].read_bytes(kStream.size()) == kStream);
  }
  EXPECT_EQ(keeper.number("full_syncs"), 1);
  EXPECT_EQ(keeper.number("full_syncs_served"), 4);

  // Warm: another one costs the master nothing, and gets the length.
  const int connections = master.connects();
  RespConnection late = asks(keeper);
  EXPECT_EQ(late.read_line(), full_resync());
  EXPECT_EQ(late.read_line(), length_header());
  EXPECT_TRUE(late.read_bytes(kRdb.size() + kStream.size()) == kRdb + kStream);
  EXPECT_EQ(master.connects(), connections);
}

TEST_P(OneRdb, ThatTurnsOutBrokenCompletesNowhere) {
  const bool with_mark = GetParam();
  std::string broken = kRdb;
  broken[broken.size() - 1] = 'x';  // its checksum
  Step rest, again;
  FakeMaster master(half_and_rest(with_mark, broken, rest));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  RespConnection replica = asks(keeper);
  ASSERT_EQ(replica.read_line(), full_resync());
  ASSERT_TRUE(replica.read_line());
  rest.allow();
  const std::string got = replica.read_bytes(broken.size() + kMark.size());
  EXPECT_LT(got.size(), broken.size());
  EXPECT_TRUE(broken.starts_with(got));
  EXPECT_TRUE(replica.closed_by_peer());
  EXPECT_EQ(keeper.state("replid"), "");
}

TEST_P(OneRdb, OfAMasterThatDiesCompletesNowhereAndTheNextOneDoes) {
  Step never, rest;
  FakeMaster master(half_and_rest(GetParam(), kRdb, never));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  RespConnection replica = asks(keeper);
  ASSERT_EQ(replica.read_line(), full_resync());
  master.play(half_and_rest(GetParam(), kRdb, rest));
  never.allow();
  EXPECT_TRUE(replica.closed_by_peer());
  rest.allow();
  RespConnection next = asks(keeper);
  EXPECT_EQ(next.read_line(), full_resync());
}

INSTANTIATE_TEST_SUITE_P(BothFramings, OneRdb, testing::Bool(),
                         [](const auto& param) { return std::string(param.param ? "mark" : "length"); });

TEST(RdbFeed, WhoKnowsNoMarkWaitsForTheEnd) {
  Step rest;
  FakeMaster master(half_and_rest(true, kRdb, rest));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  RespConnection modern = asks(keeper);
  ASSERT_EQ(modern.read_line(), full_resync());  // it has begun to arrive
  RespConnection old = asks(keeper, {"PSYNC", "?", "-1"}, "other");
  EXPECT_EQ(old.read_line(std::chrono::seconds(3), false), "") << "kept alive";
  rest.allow();
  EXPECT_EQ(old.read_line(), full_resync());
  EXPECT_EQ(old.read_line(), length_header());
  EXPECT_TRUE(old.read_bytes(kRdb.size()) == kRdb);
}

TEST(RdbFeed, TheOldHistoryIsContinuedUntilTheNewOneIsThere) {
  Step at_once, rest;
  at_once.allow();
  FakeMaster master(half_and_rest(false, kRdb, at_once, kReplid));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  const std::int64_t end = kOffset + static_cast<std::int64_t>(kStream.size());
  ASSERT_TRUE(wait_until([&] { return keeper.offset() == end; }));
  RespConnection follows = asks(keeper, {"PSYNC", kReplid, std::to_string(kOffset + 1)});
  EXPECT_EQ(follows.read_line(), "+CONTINUE " + std::string(kReplid));
  EXPECT_TRUE(follows.read_bytes(kStream.size()) == kStream);

  master.play(half_and_rest(false, kRdb, rest, kNewId));
  RespConnection fresh;
  ASSERT_TRUE(wait_until([&] {
    fresh = asks(keeper);
    return fresh.read_line() == full_resync(kNewId);
  })) << "who needs an RDB gets the new one";
  RespConnection also = asks(keeper, {"PSYNC", kReplid, std::to_string(kOffset + 1)});
  EXPECT_EQ(also.read_line(), "+CONTINUE " + std::string(kReplid));
  EXPECT_FALSE(follows.closed_by_peer(std::chrono::milliseconds(50)));
  rest.allow();
  EXPECT_TRUE(follows.closed_by_peer());
  EXPECT_TRUE(also.closed_by_peer());
  EXPECT_EQ(fresh.read_line(), length_header());
  EXPECT_TRUE(fresh.read_bytes(kRdb.size() + kStream.size()) == kRdb + kStream);
}

TEST(RdbFeed, AnUpstreamThatHasFailedIsNotWaitedForWhereThereIsAnRdb) {
  Step at_once, never;
  at_once.allow();
  FakeMaster master(half_and_rest(false, kRdb, at_once, kReplid));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  master.play([](Link& link) {
    if (FakeMaster::greet(link))
      link.send(full_resync() + "\r\n" + length_header() + "\r\n" + kRdb.substr(0, 1000));
  });
  ASSERT_TRUE(wait_until([&] { return master.connects() >= 5; }));
  master.play(half_and_rest(false, kRdb, never, kNewId));
  ASSERT_TRUE(wait_until([&] { return keeper.state("link") == "sync"; }));
  RespConnection fresh = asks(keeper);
  EXPECT_EQ(fresh.read_line(), full_resync(kReplid));
  EXPECT_EQ(fresh.read_line(), length_header());
  EXPECT_TRUE(fresh.read_bytes(kRdb.size() + kStream.size()) == kRdb + kStream);
  never.allow();
}

TEST(RdbFeed, AnEmptyOneIsShownToNobodyBeforeItIsLetThrough) {
  Step at_once;
  at_once.allow();
  FakeMaster master(half_and_rest(false, kRdb, at_once, kReplid));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  const std::string empty = rdb_with("\xfa\x01k\x01v");
  Step arriving, rest;
  master.play([&](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send(full_resync() + "\r\n" + length_header(empty) + "\r\n" + empty.substr(0, empty.size() - 1));
    arriving.allow();
    rest.wait();
    link.send(empty.substr(empty.size() - 1));
    FakeMaster::stay(link);
  });
  ASSERT_TRUE(arriving.wait());
  RespConnection fresh = asks(keeper);
  EXPECT_EQ(fresh.read_line(), full_resync(kReplid));
  rest.allow();
  EXPECT_TRUE(wait_until([&] { return keeper.state("link") == "held"; }));
  EXPECT_EQ(fresh.read_line(), length_header());
  EXPECT_TRUE(fresh.read_bytes(kRdb.size() + kStream.size()) == kRdb + kStream);
}

TEST(RdbFeed, AnIdThatChangesDuringTheTransferCostsNoSecondOne) {
  Step at_once;
  at_once.allow();
  const std::string large = rdb_with("\xfe" + std::string(64 << 20, 'r'));
  FakeMaster master(half_and_rest(false, large, at_once, kReplid));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  RespConnection replica = asks(keeper);  // reads nothing: its buffers hold less than that
  ASSERT_EQ(replica.read_line(), full_resync(kReplid));
  master.play([](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send("+CONTINUE " + kNewId + "\r\n");
    FakeMaster::stay(link);
  });
  ASSERT_TRUE(wait_until([&] { return keeper.state("replid") == kNewId; }));
  EXPECT_EQ(replica.read_line(), length_header(large));
  EXPECT_TRUE(replica.read_bytes(large.size()) == large);
  EXPECT_EQ(replica.read_available(std::chrono::milliseconds(200)), "");
  replica.send_command({"REPLCONF", "ACK", std::to_string(kOffset)});
  EXPECT_TRUE(replica.closed_by_peer());
  RespConnection again = asks(keeper, {"PSYNC", kReplid, std::to_string(kOffset + 1)});
  EXPECT_EQ(again.read_line(), "+CONTINUE " + kNewId);
  EXPECT_TRUE(again.read_bytes(kStream.size()) == kStream);
}

TEST(RdbFeed, WhoIsStuckIsCutAndTheOthersDoNotNotice) {
  Step at_once;
  at_once.allow();
  const std::string large = rdb_with("\xfe" + std::string(64 << 20, 'r'));
  FakeMaster master(half_and_rest(false, large, at_once));
  LocalKeeper keeper({}, [](KeeperOptions& options) { options.replica_timeout = Millis{5'000}; });
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  RespConnection stuck = asks(keeper), reads = asks(keeper);
  EXPECT_EQ(reads.read_line(), full_resync());
  EXPECT_EQ(reads.read_line(), length_header(large));
  EXPECT_TRUE(reads.read_bytes(large.size() + kStream.size()) == large + kStream);
  EXPECT_TRUE(wait_until([&] {
    reads.send_command({"REPLCONF", "ACK", "1"});
    return keeper.info("connected_slaves") == "1";
  }));
  EXPECT_FALSE(reads.closed_by_peer(std::chrono::milliseconds(10)));
  EXPECT_EQ(stuck.read_line(), full_resync());
  EXPECT_EQ(stuck.read_line(), length_header(large));
  EXPECT_LT(stuck.read_bytes(large.size()).size(), large.size()) << "it was cut";
}

TEST(RdbFeed, OneHostIsGivenNoMoreThanItsShareAtOnce) {
  Step at_once;
  at_once.allow();
  const std::string large = rdb_with("\xfe" + std::string(32 << 20, 'r'));
  FakeMaster master(half_and_rest(false, large, at_once));
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  std::vector<RespConnection> replicas;
  for (int i = 0; i < 8; ++i) {
    replicas.push_back(asks(keeper));
    ASSERT_EQ(replicas.back().read_line(), full_resync());
  }
  RespConnection ninth = asks(keeper);
  EXPECT_EQ(ninth.read_line(std::chrono::seconds(3), false), "") << "waits, and is kept alive";
  replicas.front().close();
  EXPECT_EQ(ninth.read_line(), full_resync());
}

TEST(RdbFeed, WhoDoesNotReadHoldsNoLogForEver) {
  Step flow;
  const std::string large = rdb_with("\xfe" + std::string(16 << 20, 'r'));
  FakeMaster master([&](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send(full_resync() + "\r\n" + length_header(large) + "\r\n" + large);
    flow.wait();
    const std::string command = set_command("k", std::string(64 << 10, 'v'));
    for (int i = 0; i < 800; ++i)
      if (!link.send(command)) return;
    FakeMaster::stay(link);
  });
  StoreOptions small;
  small.segment_bytes = 1 << 20;
  small.log_bytes_max = 8 << 20;
  LocalKeeper keeper(small);
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  RespConnection in_rdb = asks(keeper),
                 in_stream = asks(keeper, {"PSYNC", kNewId, std::to_string(kOffset + 1)});
  ASSERT_EQ(in_rdb.read_line(), full_resync());
  ASSERT_EQ(in_stream.read_line(), "+CONTINUE " + kNewId);
  flow.allow();
  ASSERT_TRUE(wait_until([&] { return keeper.offset() > kOffset + (50 << 20); }));
  EXPECT_LE(keeper.offset() - keeper.number("log_first"), (2 * 8 + 1) << 20);
  // What the stream's replica needs is gone, and it is told so, however much it acknowledges.
  EXPECT_TRUE(wait_until([&] { return keeper.state("replicas") == "0"; }));
  EXPECT_LT(in_stream.read_bytes(60 << 20).size(), 50u << 20);
  EXPECT_TRUE(in_stream.closed_by_peer());
  // The other one takes its RDB still, and finds that the log has gone on.
  EXPECT_EQ(in_rdb.read_line(), length_header(large));
  EXPECT_TRUE(in_rdb.read_bytes(large.size()) == large);
  EXPECT_TRUE(in_rdb.closed_by_peer());
}

TEST(RdbFeed, RealReplicasShareTheOneThatArrives) {
  for (const char* diskless : {"yes", "no"}) {
    Redis master({"--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0"});
    ASSERT_EQ(master.say({"DEBUG", "POPULATE", "10000", "key", "500"}), "+OK");
    ASSERT_EQ(master.say({"CONFIG", "SET", "rdb-key-save-delay", "50"}), "+OK");  // about a second
    KeeperProcess keeper(master.port());
    Redis from_disk, swaps({"--repl-diskless-load", "swapdb"}), another;
    for (const Redis* replica : {&from_disk, &swaps, &another}) {
      ASSERT_EQ(replica->say({"SET", "own", "data"}), "+OK");
      replica->follow(keeper.port());
    }
    for (const Redis* replica : {&from_disk, &swaps, &another}) {
      EXPECT_TRUE(wait_until([&] { return replica->link_is_up() && replica->digest() == master.digest(); }))
          << keeper.log();
    }
    ASSERT_EQ(master.say({"SET", "later", "x"}), "+OK");
    for (const Redis* replica : {&from_disk, &swaps, &another})
      EXPECT_TRUE(wait_until([&] { return replica->say({"GET", "later"}) == "+x"; }));
    EXPECT_EQ(master.number("sync_full"), 1);
    EXPECT_EQ(master.number("sync_partial_ok"), 0);
    EXPECT_EQ(keeper.number("full_syncs_served"), 3);
    const auto connections = master.number("total_connections_received");
    Redis late;
    late.follow(keeper.port());
    EXPECT_TRUE(wait_until([&] { return late.link_is_up() && late.say({"GET", "later"}) == "+x"; }));
    EXPECT_LE(master.number("total_connections_received") - connections, 1) << "one is our question";
  }
}

TEST(RdbFeed, AMasterKilledInMidTransferCostsARealReplicaNothing) {
  Redis good, master({"--repl-diskless-sync-delay", "0"});
  ASSERT_EQ(good.say({"SET", "good", "1"}), "+OK");
  ASSERT_EQ(master.say({"DEBUG", "POPULATE", "200000", "key", "100"}), "+OK");
  ASSERT_EQ(master.say({"CONFIG", "SET", "rdb-key-save-delay", "50"}), "+OK");
  KeeperProcess keeper(master.port());
  Redis replica;
  ASSERT_EQ(replica.say({"SET", "own", "data"}), "+OK");
  replica.follow(keeper.port());
  ASSERT_TRUE(wait_until([&] { return keeper.number("full_syncs_served") == 1; })) << keeper.log();
  ASSERT_TRUE(wait_until([&] { return replica.number("master_sync_read_bytes") > 0; }));
  master.kill();
  ASSERT_TRUE(wait_until([&] { return replica.info("master_sync_in_progress") == "0"; }));
  EXPECT_EQ(replica.say({"GET", "own"}), "+data");
  EXPECT_EQ(keeper.say({"REPLICAOF", "127.0.0.1", std::to_string(good.port())}), "+OK");
  EXPECT_TRUE(wait_until([&] { return replica.say({"GET", "good"}) == "+1"; })) << keeper.log();
}

}  // namespace
}  // namespace penstock::keeper
