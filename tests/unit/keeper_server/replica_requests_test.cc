// What peers may send to a keeper's port, and replicas of every speed.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fake_master.h"
#include "keepers.h"

namespace penstock::keeper {
namespace {

using Link = FakeMaster::Link;
using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kRdb = rdb_with(std::string(3 << 20, 'r'));
constexpr std::int64_t kRdbOffset = 77;

/// A keeper that has had a full sync and streams; the test may send more through the master.
class ReplicaRequests : public testing::Test {
 protected:
  ReplicaRequests() : master_([this](Link& link) { serve(link); }) {
    EXPECT_EQ(keeper_.order("ACTIVE", master_.port(), 1), "+OK");
    EXPECT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
  }
  ~ReplicaRequests() override {
    keeper_.stop();
    ended_ = true;
  }

  void serve(Link& link) {
    const auto psync = FakeMaster::greet(link);
    if (!psync) return;
    if (psync->at(1) == "?") {
      link.send("+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset) + "\r\n$" +
                std::to_string(kRdb.size()) + "\r\n" + kRdb);
    } else {
      link.send("+CONTINUE\r\n");
    }
    std::size_t sent = 0;
    while (!ended_) {
      std::string more;
      {
        const std::lock_guard lock(mutex_);
        more = stream_.substr(sent);
      }
      sent += more.size();
      if (!more.empty() && !link.send(more)) return;
      if (more.empty() && link.closed_by_peer(std::chrono::milliseconds(5))) return;
    }
  }
  void stream(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    stream_ += bytes;
  }
  /// A replica that has read its answer.
  RespConnection replica(const resp::Command& psync, const std::string& expected) const {
    RespConnection link(keeper_.port());
    link.send_command(psync);
    EXPECT_EQ(link.read_line().value_or("closed"), expected);
    return link;
  }

  std::mutex mutex_;
  std::string stream_;
  std::atomic<bool> ended_ = false;
  FakeMaster master_;
  LocalKeeper keeper_;
};

TEST_F(ReplicaRequests, PsyncWithBadArgumentsIsAnErrorAndTheLinkLives) {
  RespConnection link(keeper_.port());
  for (const resp::Command& bad : std::vector<resp::Command>{{"PSYNC"},
                                                             {"PSYNC", kReplid},
                                                             {"PSYNC", kReplid, "x"},
                                                             {"PSYNC", kReplid, "1x"},
                                                             {"PSYNC", kReplid, ""},
                                                             {"PSYNC", kReplid, "99999999999999999999"},
                                                             {"PSYNC", kReplid, "1", "PLEASE"},
                                                             {"PSYNC", kReplid, "1", "FAILOVER", "NOW"}})
    EXPECT_THAT(test::text_of(link.call(bad)), StartsWith("-ERR PSYNC needs")) << bad.size();
  EXPECT_EQ(test::text_of(link.call({"PING"})), "+PONG");
}

TEST_F(ReplicaRequests, PsyncIsAnsweredByHistory) {
  const std::string full = "+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset);
  const std::string next = std::to_string(kRdbOffset + 1);
  replica({"PSYNC", "?", "-1"}, full);
  replica({"PSYNC", std::string(40, 'a'), "1"}, full);
  replica({"PSYNC", "not-an-id", next}, full);
  replica({"PSYNC", kReplid, "1"}, full);  // before the log
  replica({"PSYNC", kReplid, "-9223372036854775808"}, full);
  replica({"PSYNC", kReplid, next}, "+CONTINUE " + std::string(kReplid));
  std::string upper(kReplid);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  replica({"psync", upper, next}, "+CONTINUE " + std::string(kReplid));
}

TEST_F(ReplicaRequests, ARequestAheadOfTheLogWaitsForIt) {
  const std::string command = set_command("a", "1");
  const std::int64_t ahead = kRdbOffset + 1 + static_cast<std::int64_t>(command.size());
  RespConnection link(keeper_.port());
  link.send_command({"PSYNC", kReplid, std::to_string(ahead)});
  EXPECT_EQ(link.read_line(std::chrono::seconds(3), false), "");  // parked, and kept alive
  stream(command + command);
  EXPECT_EQ(link.read_line(), "+CONTINUE " + std::string(kReplid));
  EXPECT_EQ(link.read_bytes(command.size()), command);
}

TEST_F(ReplicaRequests, OversizedAndGarbledCommandsEndTheirLinkOnly) {
  for (const std::string& bytes :
       {std::string("*1\r\n$999999999\r\n"), std::string("*99999\r\n"), std::string("*1\r\n$-5\r\n"),
        std::string("*x\r\n"), std::string(300'000, 'a'), std::string("*2\r\n:1\r\n"),
        "*1\r\n$4\r\nPINGxx" + std::string("\r\n")}) {
    RespConnection link(keeper_.port());
    link.send(bytes);
    EXPECT_THAT(link.read_line().value_or("closed without a word"), StartsWith("-ERR Protocol error"))
        << bytes.substr(0, 20);
    EXPECT_TRUE(link.closed_by_peer());
  }
  EXPECT_EQ(keeper_.say({"PING"}), "+PONG");
  EXPECT_THAT(keeper_.say({"GET", "a"}), StartsWith("-ERR unknown command 'GET'"));
}

TEST_F(ReplicaRequests, NothingIsAnsweredIntoAStream) {
  RespConnection link =
      replica({"PSYNC", kReplid, std::to_string(kRdbOffset + 1)}, "+CONTINUE " + std::string(kReplid));
  link.send_command({"PING"});
  link.send_command({"INFO"});
  link.send_command({"REPLCONF", "ACK", "5"});
  link.send("\n\n");
  const std::string command = set_command("a", "1");
  stream(command);
  EXPECT_EQ(link.read_bytes(command.size()), command);
  EXPECT_TRUE(wait_until([&] { return keeper_.info("slave0").find("offset=5,") != std::string::npos; }));
  link.send("*1\r\n$x\r\n");
  EXPECT_TRUE(link.closed_by_peer());
  EXPECT_EQ(link.read_available(std::chrono::milliseconds(0)), "");
}

TEST_F(ReplicaRequests, UnknownReplconfOptionsAreNotAgreedTo) {
  RespConnection link(keeper_.port());
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "listening-port", "6380"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "ip-address", "10.1.2.3"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "capa", "eof", "capa", "psync2", "capa", "something-new"})),
            "+OK");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "version", "9.1.0"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "version", "newest"})),
            "-ERR Unrecognized version format: newest");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "set-cluster-node-id", std::string(40, 'a')})),
            "-ERR Unrecognized REPLCONF option: set-cluster-node-id");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "rdb-channel", "1", "main-ch-client-id", "7"})),
            "-ERR Unrecognized REPLCONF option: rdb-channel");
  EXPECT_THAT(test::text_of(link.call({"REPLCONF", "rdb-filter-only", "functions"})),
              StartsWith("-ERR Unsupported rdb-filter-only option"));
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "rdb-only", "2"})),
            "-ERR value is out of range, value must between 0 and 1");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "compression", "3"})),
            "-ERR Unrecognized REPLCONF option: compression");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "rdb-no-compress", "1", "rdb-no-checksum", "1"})),
            "-ERR Unrecognized REPLCONF option: rdb-no-compress");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "listening-port"})), "-ERR syntax error");
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "listening-port", "70000"})),
            "-ERR value is not an integer or out of range");
  link.send_command({"PSYNC", kReplid, std::to_string(kRdbOffset + 1)});
  EXPECT_EQ(link.read_line(), "+CONTINUE " + std::string(kReplid));
  EXPECT_THAT(keeper_.info("slave0"), StartsWith("ip=10.1.2.3,port=6380,state=online"));
}

TEST_F(ReplicaRequests, RdbOnlyGetsTheRdbAndNoStream) {
  stream(set_command("a", "1"));
  RespConnection link(keeper_.port());
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "rdb-only", "1"})), "+OK");
  link.send_command({"PSYNC", "?", "-1"});
  EXPECT_EQ(link.read_line(), "+FULLRESYNC " + std::string(kReplid) + " " + std::to_string(kRdbOffset));
  EXPECT_EQ(link.read_line(), "$" + std::to_string(kRdb.size()));
  EXPECT_TRUE(link.read_bytes(kRdb.size()) == kRdb);
  EXPECT_TRUE(link.closed_by_peer());
  EXPECT_EQ(link.read_available(std::chrono::milliseconds(0)), "");
}

TEST_F(ReplicaRequests, AnOldSyncGetsTheRdbAndTheStreamWithoutAWordBefore) {
  RespConnection link(keeper_.port());
  link.send("SYNC\r\n");
  EXPECT_EQ(link.read_line(), "$" + std::to_string(kRdb.size()));
  EXPECT_TRUE(link.read_bytes(kRdb.size()) == kRdb);
  const std::string command = set_command("a", "1");
  stream(command);
  EXPECT_EQ(link.read_bytes(command.size()), command);
}

TEST_F(ReplicaRequests, ASlowReaderSlowsNobodyAndLosesNothing) {
  const std::string answer = "+CONTINUE " + std::string(kReplid);
  RespConnection slow_rdb(keeper_.port());
  slow_rdb.send_command({"PSYNC", "?", "-1"});
  RespConnection slow(keeper_.port());
  slow.send_command({"PSYNC", kReplid, std::to_string(kRdbOffset + 1)});
  RespConnection fast = replica({"PSYNC", kReplid, std::to_string(kRdbOffset + 1)}, answer);
  std::string all;
  for (int i = 0; i < 40; ++i)
    all += set_command("key" + std::to_string(i), std::string(1 << 20, static_cast<char>('a' + i % 26)));
  stream(all);
  EXPECT_TRUE(fast.read_bytes(all.size()) == all);
  EXPECT_EQ(keeper_.say({"PING"}), "+PONG");
  EXPECT_EQ(keeper_.offset(), kRdbOffset + static_cast<std::int64_t>(all.size()));

  EXPECT_EQ(slow.read_line(), answer);
  EXPECT_TRUE(slow.read_bytes(all.size()) == all);
  EXPECT_THAT(slow_rdb.read_line().value_or("closed"), StartsWith("+FULLRESYNC"));
  EXPECT_EQ(slow_rdb.read_line(), "$" + std::to_string(kRdb.size()));
  EXPECT_TRUE(slow_rdb.read_bytes(kRdb.size()) == kRdb);
  EXPECT_TRUE(slow_rdb.read_bytes(all.size()) == all);
}

TEST_F(ReplicaRequests, WhoDoesNotReadItsAnswersIsDropped) {
  RespConnection link(keeper_.port());
  const std::string info = resp::encode_command({"INFO"});
  std::string many;
  for (int i = 0; i < 1000; ++i) many += info;
  ::timeval limit{5, 0};
  ::setsockopt(link.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  bool refused = false;
  for (int i = 0; i < 20'000 && !refused; ++i) refused = !link.send(many);
  EXPECT_TRUE(refused);
  EXPECT_EQ(keeper_.say({"PING"}), "+PONG");
}

TEST_F(ReplicaRequests, PipelinedCommandsAndInlineOnesAreAnsweredInOrder) {
  RespConnection link(keeper_.port());
  link.send("PING\r\n*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n\r\nping\r\n*1\r\n$4\r\nQUIT\r\n");
  EXPECT_EQ(test::text_of(link.read_value()), "+PONG");
  EXPECT_EQ(test::text_of(link.read_value()), "+hi");
  EXPECT_EQ(test::text_of(link.read_value()), "+PONG");
  EXPECT_EQ(test::text_of(link.read_value()), "+OK");
  EXPECT_TRUE(link.closed_by_peer());
}

}  // namespace
}  // namespace penstock::keeper
