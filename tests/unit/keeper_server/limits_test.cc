// Peers that are many, slow, silent or greedy at a keeper's port.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "common/serve/entrance.h"
#include "fake_master.h"
#include "keepers.h"
#include "support/run_task.h"

namespace penstock::keeper {
namespace {

using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr char kNoRoom[] = "-ERR max number of clients reached";

/// A connection from another address of loopback.
RespConnection connect_from(const char* address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in end{};
  end.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &end.sin_addr);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&end), sizeof end), 0);
  end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  end.sin_port = htons(port);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&end), sizeof end), 0);
  return RespConnection::of_socket(fd);
}

bool is_served(RespConnection& link) {
  try {
    return link.send_command({"PING"}) && link.read_line() == "+PONG";
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::int64_t resident_kb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  return 0;
}

TEST(ConnectionCaps, hold_for_the_keeper_and_for_each_peer) {
  LocalKeeper keeper({}, [](KeeperOptions& options) { options.caps = {.per_port = 5, .per_peer = 3}; });
  std::vector<RespConnection> here, there;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_served(here.emplace_back(keeper.port())));
  RespConnection one_too_many(keeper.port());
  EXPECT_EQ(one_too_many.read_line(), kNoRoom) << "of this peer";
  EXPECT_TRUE(one_too_many.closed_by_peer());
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(is_served(there.emplace_back(connect_from("127.0.0.2", keeper.port()))));
  RespConnection stranger = connect_from("127.0.0.3", keeper.port());
  EXPECT_EQ(stranger.read_line(), kNoRoom) << "of the keeper";
  EXPECT_THAT(test::text_of(there[0].call({"INFO"})),
              testing::AllOf(HasSubstr("connected_clients:5"), HasSubstr("maxclients:5"),
                             HasSubstr("rejected_connections:2")));
  here.clear();
  EXPECT_TRUE(wait_until([&] {
    RespConnection next(keeper.port());
    return is_served(next);
  })) << "who has left makes room";
}

/// Everybody who is opened stays open and says nothing more. The replica is served all the same.
TEST(ConnectionCaps, a_flood_costs_those_who_make_it) {
  LocalKeeper keeper({}, [](KeeperOptions& options) { options.caps = {.per_port = 60, .per_peer = 50}; });
  Redis master;
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  std::vector<RespConnection> crowd;
  for (int i = 0; i < 400; ++i) {
    crowd.emplace_back(keeper.port());
    crowd.back().send(i % 2 ? "*3\r\n$3\r\nSET\r\n$60000\r\nxxx" : "");
    if (i % 50 != 49) continue;
    ASSERT_EQ(master.say({"SET", "k", std::to_string(i)}), "+OK");
    EXPECT_TRUE(wait_until([&] { return replica.say({"GET", "k"}) == "+" + std::to_string(i); })) << i;
  }
  const auto is_refused = [](RespConnection& link) {
    return link.read_available(0ms) == std::string(kNoRoom) + "\r\n";
  };
  std::size_t refused = 0;
  EXPECT_TRUE(wait_until([&] { return (refused += std::erase_if(crowd, is_refused)) >= 340; })) << refused;
  EXPECT_TRUE(replica.link_is_up());
}

TEST(Descriptors, when_there_are_none_people_are_turned_away_and_it_goes_on_when_there_are) {
  boost::asio::io_context loop;
  serve::HostCrowd crowd;
  serve::Entrance entrance(loop.get_executor(), {}, crowd);
  ASSERT_TRUE(entrance.open({"127.0.0.1", 0}));
  std::vector<RespConnection> guests;
  for (int i = 0; i < 3; ++i) guests.emplace_back(entrance.port());  // the kernel has taken them
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);  // the lowest that is free
  ::close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::optional<Result<serve::Entrance::Guest>> entered;
  boost::asio::co_spawn(loop, test::store_result(entrance.next(), &entered), [](std::exception_ptr) {});
  EXPECT_TRUE(wait_until([&] {
    loop.poll();
    return entrance.refused() == 3;
  }));
  ::setrlimit(RLIMIT_NOFILE, &before);
  for (RespConnection& guest : guests) EXPECT_EQ(guest.read_line(), kNoRoom);
  EXPECT_FALSE(entered);
  RespConnection last(entrance.port());
  EXPECT_TRUE(wait_until([&] {
    loop.poll();
    return entered.has_value();
  }));
  EXPECT_TRUE(*entered);
  EXPECT_EQ(crowd.inside, 1u);
}

/// A crowd that the caps let in is the process' own to survive: with few descriptors there are few places.
TEST(Descriptors, a_flood_does_not_take_those_that_the_store_needs) {
  Redis master;
  KeeperProcess keeper(master.port(), {}, {"prlimit", "--nofile=96:96"});
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  std::vector<RespConnection> crowd;
  for (int i = 0; i < 200; ++i) crowd.emplace_back(keeper.port());
  EXPECT_EQ(crowd.back().read_line(), kNoRoom);
  RespConnection to_master(master.port());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(test::text_of(to_master.call({"SET", "k", std::string(900'000, 'x')})), "+OK");
  crowd.resize(10);
  EXPECT_TRUE(wait_until([&] { return keeper.offset() == master.number("master_repl_offset"); }));
  EXPECT_EQ(keeper.info("keeper_disk_trouble"), "");
  EXPECT_GE(std::stoll(keeper.info("rejected_connections")), 100);
}

/// With limits of a fraction of a second; the keeper looks once a second.
class PatienceTest : public testing::Test {
 protected:
  /// Closed, but not at once.
  static bool is_cut_off(RespConnection& link) { return link.is_open() && link.closed_by_peer(10s); }
};

constexpr std::int64_t kNever = 1'000'000;

TEST_F(PatienceTest, who_does_not_say_the_password_leaves) {
  LocalKeeper keeper({}, [](KeeperOptions& options) {
    options.required_password = "secret";
    options.patience = {kNever, kNever, kNever, kNever};
    options.patience.auth_ms = 300;
  });
  RespConnection friendly(keeper.port()), silent(keeper.port()), chatty(keeper.port()), half(keeper.port());
  EXPECT_EQ(test::text_of(friendly.call({"AUTH", "secret"})), "+OK");
  EXPECT_TRUE(is_served(chatty));
  EXPECT_TRUE(half.send("*2\r\n$4\r\nAU"));
  for (RespConnection* link : {&silent, &chatty, &half}) EXPECT_TRUE(is_cut_off(*link));
  EXPECT_TRUE(is_served(friendly));
}

TEST_F(PatienceTest, a_command_that_comes_in_drops_is_not_waited_for) {
  LocalKeeper keeper({}, [](KeeperOptions& options) {
    options.patience = {kNever, kNever, kNever, kNever};
    options.patience.command_ms = 300;
  });
  RespConnection quiet(keeper.port()), slow(keeper.port());
  EXPECT_TRUE(is_served(quiet));
  EXPECT_TRUE(slow.send("*2\r\n$4\r\nPING\r\n$1000\r\n"));
  EXPECT_TRUE(wait_until([&] { return !slow.send("x") || slow.closed_by_peer(20ms); }, 10s));
  EXPECT_TRUE(is_served(quiet)) << "silence between commands is something else";
}

TEST_F(PatienceTest, who_wants_nothing_leaves_unless_it_listens_or_replicates) {
  LocalKeeper keeper({}, [](KeeperOptions& options) {
    options.patience = {kNever, kNever, kNever, kNever};
    options.patience.idle_ms = 300;
  });
  RespConnection listener(keeper.port()), replica(keeper.port()), idle(keeper.port());
  EXPECT_TRUE(listener.send_command({"SUBSCRIBE", "news"}));
  EXPECT_EQ(listener.read_line(), "*3");
  EXPECT_TRUE(replica.send_command({"PSYNC", "?", "-1"}));
  EXPECT_TRUE(is_served(idle));
  EXPECT_TRUE(is_cut_off(idle));
  EXPECT_EQ(keeper.say({"PUBLISH", "news", "x"}), ":1");
  EXPECT_FALSE(replica.closed_by_peer(0ms));
}

const std::string kBigRdb = rdb_with(std::string(64 << 20, 'r'));

/// Keeper behind a master that has a large RDB and streams nothing.
class SlowReplicas : public PatienceTest {
 protected:
  SlowReplicas()
      : master_([](FakeMaster::Link& link) {
          if (!FakeMaster::greet(link)) return;
          link.send("+FULLRESYNC " + std::string(kReplid) + " 77\r\n$" + std::to_string(kBigRdb.size()) +
                    "\r\n" + kBigRdb);
          FakeMaster::stay(link);
        }),
        keeper_({}, [](KeeperOptions& options) {
          options.patience = {kNever, kNever, kNever, kNever};
          options.replica_timeout = Millis{1'500};
        }) {
    EXPECT_EQ(keeper_.order("ACTIVE", master_.port(), 1), "+OK");
    EXPECT_TRUE(wait_until([&] { return keeper_.is_connected(); }));
  }
  ~SlowReplicas() override { keeper_.stop(); }

  FakeMaster master_;
  LocalKeeper keeper_;
};

TEST_F(SlowReplicas, one_that_takes_its_rdb_slowly_is_served_and_one_that_takes_none_of_it_is_cut) {
  RespConnection slow(keeper_.port()), stuck(keeper_.port());
  for (RespConnection* link : {&slow, &stuck}) {
    EXPECT_TRUE(link->send_command({"PSYNC", "?", "-1"}));
    EXPECT_EQ(link->read_line(), "+FULLRESYNC " + std::string(kReplid) + " 77");
  }
  EXPECT_EQ(slow.read_line(), "$" + std::to_string(kBigRdb.size()));
  // It says nothing for longer than a replica in its stream may: replicas do not while they receive.
  const auto began = std::chrono::steady_clock::now();
  std::size_t got = 0;
  while (std::chrono::steady_clock::now() - began < 4s) got += slow.read_bytes(1 << 20).size();
  EXPECT_GT(got, 1u << 20);
  got += slow.read_bytes(kBigRdb.size() - got).size();
  EXPECT_EQ(got, kBigRdb.size());
  EXPECT_TRUE(wait_until([&] { return keeper_.info("connected_slaves") == "0"; }))
      << "the one is stuck, and the other has been silent in its stream";
}

TEST_F(SlowReplicas, one_that_says_that_it_lives_stays) {
  RespConnection link(keeper_.port());
  EXPECT_TRUE(link.send_command({"PSYNC", kReplid, "78"}));
  EXPECT_EQ(link.read_line(), "+CONTINUE " + std::string(kReplid));
  for (int i = 0; i < 40; ++i) {  // a loading replica
    EXPECT_TRUE(link.send("\n"));
    EXPECT_FALSE(link.closed_by_peer(100ms)) << i;
  }
  EXPECT_TRUE(is_cut_off(link));
}

/// A keeper of which somebody wants too much, in a process whose memory is what it holds: a sanitizer would
/// keep what was freed for a while.
class Greed : public testing::Test {
 protected:
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr std::int64_t kMaxKb = 96 << 10;  // with what the sanitizer notes about it
#else
  static constexpr std::int64_t kMaxKb = 32 << 10;
#endif
  static constexpr std::size_t kMuch = 128 << 20;  ///< would show if it were held
  static constexpr int kQuietMs = 300;

  static std::vector<std::string> launcher() {
    const char* const options = std::getenv("ASAN_OPTIONS");
    return {"env", "ASAN_OPTIONS=" + std::string(options ? options : "") +
                       ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"};
  }
  std::int64_t grown_kb() { return resident_kb(keeper_.process().pid()) - before_; }

  /// Says `bytes` over and over; ends when so much was said, the peer closes or does not listen any more, or
  /// has got too large. How much was said.
  std::size_t press(RespConnection& link, const std::string& bytes, bool reads_answers) {
    ::fcntl(link.fd(), F_SETFL, O_NONBLOCK);
    std::size_t said = 0;
    std::array<char, 65536> heard;
    while (said < kMuch && grown_kb() < kMaxKb) {
      pollfd poll{link.fd(), static_cast<short>(POLLOUT | (reads_answers ? POLLIN : 0)), 0};
      if (::poll(&poll, 1, kQuietMs) == 0) break;
      if (poll.revents & POLLIN && ::recv(link.fd(), heard.data(), heard.size(), 0) <= 0) break;
      if (!(poll.revents & POLLOUT) && poll.revents & (POLLERR | POLLHUP)) break;
      if (!(poll.revents & POLLOUT)) continue;
      const std::size_t at = said % bytes.size();
      const ssize_t n = ::send(link.fd(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) break;
      said += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
    ::fcntl(link.fd(), F_SETFL, 0);
    return said;
  }

  KeeperProcess keeper_{0, {}, launcher()};
  std::int64_t before_ = resident_kb(keeper_.process().pid());
};

std::string repeated(const std::string& text, std::size_t size) {
  std::string all;
  while (all.size() < size) all += text;
  return all;
}

TEST_F(Greed, answers_that_are_not_read_are_not_made) {
  RespConnection greedy(keeper_.port());
  EXPECT_LT(press(greedy, repeated("INFO\n", 100'000), false), kMuch) << "it is not listened to any more";
  EXPECT_LT(grown_kb(), kMaxKb);
  EXPECT_EQ(keeper_.say({"PING"}), "+PONG") << "others are";
  for (int i = 0; i < 1000; ++i)
    EXPECT_THAT(test::text_of(greedy.read_value()), HasSubstr("role:slave")) << i;
}

TEST_F(Greed, commands_that_never_end_cost_no_memory) {
  const std::string xs(60'000, 'x');
  const std::string argument = "$60000\r\n" + xs + "\r\n";
  const struct {
    const char* what;
    std::string begin, more;
    bool goes_on = false;  ///< each command is answered; what is held of them is limited
  } bombs[] = {
      {"an argument that is longer than it said", "*2\r\n$60000\r\n", xs},
      {"an argument that may be so long", "*1\r\n$1000000000\r\n", xs},
      {"many arguments", "*1000000000\r\n", "$1\r\nx\r\n"},
      {"few arguments that are long together", "*1024\r\n", argument},
      {"a line", "PING ", xs},
      {"a transaction", "MULTI\n", "*2\r\n$4\r\nPING\r\n" + argument, true},
  };
  for (const auto& bomb : bombs) {
    before_ = resident_kb(keeper_.process().pid());
    RespConnection link(keeper_.port());
    link.send(bomb.begin);
    const std::size_t said = press(link, repeated(bomb.more, 60'000), true);
    EXPECT_LT(grown_kb(), kMaxKb) << bomb.what;
    EXPECT_EQ(said >= kMuch, bomb.goes_on) << bomb.what << ": " << said;
    EXPECT_EQ(keeper_.say({"PING"}), "+PONG") << bomb.what;
  }
}

TEST(Limits, of_channels_for_one_connection) {
  LocalKeeper keeper;
  RespConnection link(keeper.port());
  for (int i = 0; i < 64; ++i)
    EXPECT_THAT(test::text_of(link.call({"SUBSCRIBE", std::to_string(i)})), HasSubstr("subscribe")) << i;
  EXPECT_THAT(test::text_of(link.call({"SUBSCRIBE", "x"})),
              StartsWith("-ERR a connection may have 64 channels"));
  EXPECT_EQ(keeper.say({"PUBLISH", "63", "x"}), ":1");
  EXPECT_EQ(keeper.say({"PUBLISH", "x", "x"}), ":0");
}

TEST(Limits, a_transaction_that_is_too_large_is_not_carried_out) {
  LocalKeeper keeper;
  RespConnection link(keeper.port());
  EXPECT_EQ(test::text_of(link.call({"MULTI"})), "+OK");
  for (int i = 0; i < 64; ++i) EXPECT_EQ(test::text_of(link.call({"PING"})), "+QUEUED");
  EXPECT_THAT(test::text_of(link.call({"PING"})), StartsWith("-ERR a transaction may have 64 commands"));
  EXPECT_THAT(test::text_of(link.call({"EXEC"})), StartsWith("-EXECABORT"));
  EXPECT_EQ(test::text_of(link.call({"MULTI"})), "+OK");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(test::text_of(link.call({"PING", std::string(60'000, 'x')})), "+QUEUED");
  EXPECT_THAT(test::text_of(link.call({"PING", std::string(60'000, 'x')})), HasSubstr("262144 bytes"));
  EXPECT_THAT(test::text_of(link.call({"EXEC"})), StartsWith("-EXECABORT"));
  EXPECT_EQ(test::text_of(link.call({"MULTI"})), "+OK");
  EXPECT_EQ(test::text_of(link.call({"EXEC"})), "[]");
}

TEST(Limits, names_that_others_will_read_are_names) {
  LocalKeeper keeper;
  RespConnection link(keeper.port());
  EXPECT_THAT(test::text_of(link.call({"REPLCONF", "ip-address", "a\r\nrole:master"})),
              StartsWith("-ERR ip-address"));
  EXPECT_THAT(test::text_of(link.call({"REPLCONF", "ip-address", std::string(300, 'a')})),
              StartsWith("-ERR ip-address"));
  EXPECT_EQ(test::text_of(link.call({"REPLCONF", "ip-address", "fd00::1"})), "+OK");
  EXPECT_THAT(test::text_of(link.call({"SUBSCRIBE", std::string(300, 'a')})), StartsWith("-ERR a channel"));
}

}  // namespace
}  // namespace penstock::keeper
