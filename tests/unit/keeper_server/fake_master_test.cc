// Upstreams that misbehave: what the keeper has stays served, nothing half-written is, and tries are spaced.
#include <gmock/gmock.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;

const std::string kMark = "0123456789abcdef0123456789abcdef01234567";
const std::string kNewId = "ffffffffffffffffffffffffffffffffffffffff";
const std::string kGoodRdb = rdb_with("the good one");
const std::string kStream = set_command("a", "1") + set_command("b", std::string(1000, 'b'));
constexpr std::int64_t kRdbOffset = 1000;
const std::int64_t kEnd = kRdbOffset + static_cast<std::int64_t>(kStream.size());

std::string length_header(std::size_t length) {
  return "$" + std::to_string(length) + "\r\n";
}
std::string full_resync(const std::string& id = kNewId) {
  return "+FULLRESYNC " + id + " 5000\r\n";
}

/// A full sync with kGoodRdb at kRdbOffset, then kStream; whoever asks to continue is continued at kEnd.
void behave(Link& link) {
  const auto psync = FakeMaster::greet(link);
  if (!psync) return;
  if (psync->at(1) == "?") {
    link.send("+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset) + "\r\n" +
              length_header(kGoodRdb.size()) + kGoodRdb);
    link.send(kStream);
  } else {
    link.send("+CONTINUE\r\n");
  }
  FakeMaster::stay(link);
}

struct BadUpstream {
  const char* name;
  FakeMaster::Script script;
};
void PrintTo(const BadUpstream& bad, std::ostream* out) {
  *out << bad.name;
}

/// Greets, answers PSYNC with these bytes and closes.
FakeMaster::Script answering(std::string bytes) {
  return [bytes](Link& link) {
    if (FakeMaster::greet(link)) link.send(bytes);
  };
}
/// The same, but the link stays open.
FakeMaster::Script answering_and_staying(std::string bytes) {
  return [bytes](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send(bytes);
    FakeMaster::stay(link);
  };
}
/// Answers the first command with this line.
FakeMaster::Script answering_ping(std::string line) {
  return [line](Link& link) {
    FakeMaster::read_command(link);
    link.send(line);
    FakeMaster::stay(link);
  };
}

class Misbehaviour : public testing::TestWithParam<BadUpstream> {};

/// Reads a full sync and what follows up to kEnd, as a replica gets it.
std::string full_sync_of(std::uint16_t port) {
  RespConnection replica(port);
  replica.send_command({"PSYNC", "?", "-1"});
  const auto line = replica.read_line();
  if (line != "+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset))
    return "answer: " + line.value_or("none");
  if (const auto header = replica.read_line(); header != "$" + std::to_string(kGoodRdb.size()))
    return "header: " + header.value_or("none");
  return replica.read_bytes(kGoodRdb.size() + kStream.size());
}

std::string continued(std::uint16_t port) {
  RespConnection replica(port);
  replica.send_command({"PSYNC", kReplid, std::to_string(kRdbOffset + 1)});
  const auto line = replica.read_line();
  if (line != "+CONTINUE " + std::string(kReplid)) return "answer: " + line.value_or("none");
  return replica.read_bytes(kStream.size());
}

TEST_P(Misbehaviour, LeavesTheOldGenerationServedAndIsNotHammered) {
  FakeMaster master(behave);
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected() && keeper.offset() == kEnd; }));

  master.play(GetParam().script);
  ASSERT_TRUE(wait_until([&] { return master.connects() >= 2; }));
  // What is measured is the spacing of tries, so this wait is for a time.
  const int before = master.connects();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const int tries = master.connects() - before;
  EXPECT_LE(tries, 10);

  EXPECT_EQ(keeper.state("replid"), kReplid);
  EXPECT_EQ(keeper.offset(), kEnd);
  EXPECT_EQ(keeper.number("full_syncs"), 1);
  EXPECT_EQ(full_sync_of(keeper.port()), kGoodRdb + kStream);
  EXPECT_EQ(continued(keeper.port()), kStream);

  master.play(behave);
  EXPECT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  EXPECT_EQ(keeper.number("full_syncs"), 1);
  EXPECT_EQ(keeper.offset(), kEnd);

  // Nothing of the failed tries is left for the next life either.
  master.play([](Link&) {});
  keeper.stop();
  keeper.start();
  EXPECT_EQ(keeper.state("replid"), kReplid);
  EXPECT_EQ(keeper.offset(), kEnd);
  EXPECT_EQ(continued(keeper.port()), kStream);
}

const std::string kBadChecksum = kGoodRdb.substr(0, kGoodRdb.size() - 8) + "\1\2\3\4\5\6\7\10";

INSTANTIATE_TEST_SUITE_P(
    Upstreams, Misbehaviour,
    testing::Values(
        BadUpstream{"ClosesAtOnce", [](Link&) {}},
        BadUpstream{"ClosesAfterPing", [](Link& link) { FakeMaster::read_command(link); }},
        BadUpstream{"LoadingAtPing", answering_ping("-LOADING Redis is loading the dataset in memory\r\n")},
        BadUpstream{"NoMasterLinkAtPing", answering_ping("-NOMASTERLINK not yet\r\n")},
        BadUpstream{"MasterDownAtPing", answering_ping("-MASTERDOWN Link with MASTER is down\r\n")},
        BadUpstream{"BusyAtPing", answering_ping("-BUSY Redis is busy running a script\r\n")},
        BadUpstream{"NonsenseAtPing", answering_ping("hello\r\n")},
        BadUpstream{"TooManyClients",
                    [](Link& link) { link.send("-ERR max number of clients reached\r\n"); }},
        BadUpstream{"ClosesAtReplconf",
                    [](Link& link) {
                      FakeMaster::read_command(link);
                      link.send("+PONG\r\n");
                      FakeMaster::read_command(link);
                    }},
        BadUpstream{"ClosesAtPsync", [](Link& link) { FakeMaster::greet(link); }},
        BadUpstream{"LoadingAtPsync",
                    answering_and_staying("-LOADING Redis is loading the dataset in memory\r\n")},
        BadUpstream{"NoMasterLinkAtPsync",
                    answering_and_staying("-NOMASTERLINK Can't SYNC while not connected\r\n")},
        BadUpstream{"ErrorAtPsync",
                    answering_and_staying("-ERR BGSAVE failed, replication can't continue\r\n")},
        BadUpstream{"MasterDownAtPsync", answering_and_staying("-MASTERDOWN Link with MASTER is down\r\n")},
        BadUpstream{"NoPermissionAtPsync",
                    answering_and_staying("-NOPERM this user has no permissions to run 'psync'\r\n")},
        BadUpstream{"NonsenseAtPsync", answering_and_staying("+WHATEVER\r\n")},
        BadUpstream{"FullResyncWithoutId", answering_and_staying("+FULLRESYNC xyz 12\r\n")},
        BadUpstream{"FullResyncBelowZero", answering_and_staying("+FULLRESYNC " + kNewId + " -7\r\n")},
        BadUpstream{"ClosesBeforeTheHeader", answering(full_resync())},
        BadUpstream{"ErrorInsteadOfHeader", answering_and_staying(full_resync() + "-ERR BGSAVE failed\r\n")},
        BadUpstream{"NonsenseInsteadOfHeader", answering_and_staying(full_resync() + "hello\r\n")},
        BadUpstream{"LengthBelowZero", answering_and_staying(full_resync() + "$-1\r\n")},
        BadUpstream{"EmptyRdb", answering_and_staying(full_resync() + "$0\r\n")},
        BadUpstream{"LessThanAnnounced", answering(full_resync() + length_header(100'000) + kGoodRdb)},
        BadUpstream{"MoreThanAnnounced",
                    answering_and_staying(full_resync() + length_header(kGoodRdb.size() - 9) + kGoodRdb)},
        BadUpstream{"NoMarkBeforeTheEnd", answering(full_resync() + "$EOF:" + kMark + "\r\n" + kGoodRdb)},
        BadUpstream{"HalfAMark",
                    answering(full_resync() + "$EOF:" + kMark + "\r\n" + kGoodRdb + kMark.substr(0, 20))},
        BadUpstream{"ShortMark", answering(full_resync() + "$EOF:abc\r\n" + kGoodRdb + "abc")},
        BadUpstream{"CutRdbWithMark", answering_and_staying(full_resync() + "$EOF:" + kMark + "\r\n" +
                                                            kGoodRdb.substr(0, 15) + kMark)},
        BadUpstream{"NoRdbAtAll", answering_and_staying(full_resync() + "$5\r\nhello")},
        BadUpstream{"WrongChecksum",
                    answering_and_staying(full_resync() + length_header(kBadChecksum.size()) + kBadChecksum)},
        BadUpstream{"ContinueWithoutId", answering_and_staying("+CONTINUE nonsense\r\n")},
        BadUpstream{"InlineAfterContinue", answering_and_staying("+CONTINUE\r\nSET a 1\r\n")},
        BadUpstream{"NonsenseAfterContinue", answering_and_staying("+CONTINUE\r\n*2\r\n$x\r\n")}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(FakeMaster, HalfACommandIsAskedForAgainFromTheBoundary) {
  FakeMaster master(behave);
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected() && keeper.offset() == kEnd; }));

  const std::string command = set_command("key", "value");
  const std::string transaction = resp::encode_command({"MULTI"}) + command + resp::encode_command({"EXEC"});
  master.play(answering("+CONTINUE\r\n" + transaction.substr(0, transaction.size() - 3)));
  ASSERT_TRUE(wait_until([&] { return keeper.offset() > kEnd; }));
  std::mutex mutex;
  std::string asked;
  master.play([&](Link& link) {
    const auto psync = FakeMaster::greet(link);
    if (!psync) return;
    {
      const std::lock_guard lock(mutex);
      if (asked.empty()) asked = psync->at(2);
    }
    link.send("+CONTINUE " + kNewId + "\r\n" + command);
    FakeMaster::stay(link);
  });
  ASSERT_TRUE(wait_until([&] { return keeper.state("replid") == kNewId; }));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(asked, std::to_string(kEnd + 1));
  EXPECT_TRUE(
      wait_until([&] { return keeper.offset() == kEnd + static_cast<std::int64_t>(command.size()); }));
  EXPECT_EQ(keeper.state("replid2"), kReplid);
  EXPECT_EQ(keeper.number("second_offset"), kEnd + 1);
  master.play({});
}

TEST(FakeMaster, KeepAlivesBeforeAnswerAndHeaderAreNotData) {
  FakeMaster master([](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send("\n\n+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset) + "\r\n");
    link.send("\n\n\n$EOF:" + kMark + "\r\n");
    for (const char byte : kGoodRdb + kMark) link.send({&byte, 1});
    // With a mark nothing may follow before the acknowledgement.
    const auto ack = FakeMaster::read_command(link);
    if (!ack || ack->size() < 3 || (*ack)[1] != "ACK" || (*ack)[2] != std::to_string(kRdbOffset)) return;
    link.send(kStream);
    FakeMaster::stay(link);
  });
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.offset() == kEnd; }));
  EXPECT_EQ(full_sync_of(keeper.port()), kGoodRdb + kStream);
}

/// A replica that was restored from an older snapshot, or a master that was: the same id, a shorter history.
TEST(FakeMaster, AFullSyncMayGoBack) {
  FakeMaster master(behave);
  LocalKeeper keeper;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected() && keeper.offset() == kEnd; }));
  RespConnection replica(keeper.port());
  replica.send_command({"PSYNC", kReplid, std::to_string(kEnd + 1)});
  EXPECT_EQ(replica.read_line(), "+CONTINUE " + std::string(kReplid));

  const std::string rdb = rdb_with("of the snapshot");
  for (const char* offset : {"500", "0"}) {
    master.play([&](Link& link) {
      if (!FakeMaster::greet(link)) return;
      link.send("+FULLRESYNC " + std::string(kReplid) + " " + offset + "\r\n" + length_header(rdb.size()) +
                rdb + kStream);
      FakeMaster::stay(link);
    });
    const auto end = std::stoll(offset) + static_cast<std::int64_t>(kStream.size());
    ASSERT_TRUE(wait_until([&] { return keeper.is_connected() && keeper.offset() == end; })) << offset;
    EXPECT_EQ(keeper.state("replid"), kReplid);
    EXPECT_EQ(keeper.state("log_first"), std::to_string(std::stoll(offset) + 1));
    RespConnection fresh(keeper.port());
    fresh.send_command({"PSYNC", "?", "-1"});
    EXPECT_EQ(fresh.read_line(), "+FULLRESYNC " + std::string(kReplid) + " " + offset);
    EXPECT_EQ(fresh.read_line(), "$" + std::to_string(rdb.size()));
    EXPECT_EQ(fresh.read_bytes(rdb.size() + kStream.size()), rdb + kStream);
  }
  EXPECT_TRUE(replica.closed_by_peer()) << "who followed the longer history asks again";
  master.play({});
}

/// All that a keeper says to its upstream: one command at a time, and behind PSYNC nothing but
/// acknowledgements.
TEST(FakeMaster, HearsAReplicasWordsAndNoOthers) {
  std::mutex mutex;
  std::vector<std::string> heard;
  std::atomic<bool> pipelined = false, streaming = false;
  const auto hear = [&](const resp::Command& command) {
    const std::lock_guard lock(mutex);
    heard.push_back(command.size() > 1 ? command[0] + " " + command[1] : command[0]);
  };
  FakeMaster master([&](Link& link) {
    while (auto command = FakeMaster::read_command(link)) {
      if (*command == resp::Command{"KEEPER", "INFO"})
        return;  // whether there is a circle, on a link of its own
      hear(*command);
      // What came behind a command whose answer is still out would be pending when PSYNC is read.
      if (!streaming && !link.read_available(std::chrono::milliseconds(20)).empty()) pipelined = true;
      if (command->at(0) == "PSYNC") {
        link.send("+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset) + "\r\n" +
                  length_header(kGoodRdb.size()) + kGoodRdb + kStream);
        streaming = true;
      } else if (!streaming) {
        link.send(command->at(0) == "PING" ? "+PONG\r\n" : "-ERR Unrecognized REPLCONF option\r\n");
      }
    }
  });
  KeeperProcess keeper(master.port(), {"--announce-version", "8.1.0"});
  ASSERT_TRUE(wait_until([&] { return keeper.offset() == kEnd; })) << keeper.log();
  EXPECT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex);
    return heard.size() >= 9;
  }));
  EXPECT_FALSE(pipelined);
  const std::lock_guard lock(mutex);
  const std::vector<std::string> handshake(heard.begin(), heard.begin() + 6);
  EXPECT_EQ(handshake, (std::vector<std::string>{"PING", "REPLCONF listening-port", "REPLCONF capa",
                                                 "REPLCONF version", "KEEPER HISTORY", "PSYNC ?"}));
  for (std::size_t i = 6; i < heard.size(); ++i) EXPECT_EQ(heard[i], "REPLCONF ACK");
}

TEST(FakeMaster, GetackIsAnsweredAtOnce) {
  std::atomic<int> answers = 0;
  const std::string getack = resp::encode_command({"REPLCONF", "GETACK", "*"});
  FakeMaster master([&](Link& link) {
    if (!FakeMaster::greet(link)) return;
    link.send("+FULLRESYNC " + std::string(kReplid) + " 0\r\n" + length_header(kGoodRdb.size()) + kGoodRdb);
    FakeMaster::read_command(link);  // the RDB's acknowledgement
    for (int i = 1; i <= 20; ++i) {
      link.send(getack);
      const std::string wanted = std::to_string(static_cast<std::size_t>(i) * getack.size());
      for (;;) {  // a periodic acknowledgement may come first
        const auto ack = FakeMaster::read_command(link);
        if (!ack) return;
        if (ack->at(2) == wanted) break;
      }
      ++answers;
    }
    FakeMaster::stay(link);
  });
  LocalKeeper keeper;
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  ASSERT_TRUE(wait_until([&] { return answers == 20; }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));  // not one a second
}

}  // namespace
}  // namespace penstock::keeper
