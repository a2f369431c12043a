// Links with TLS and compression: between keepers, to a master and from a replica that are real Redis
// servers.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "fake_master.h"
#include "keepers.h"
#include "support/certificates.h"

namespace penstock::keeper {
namespace {

using test::Authority;
using test::RespConnection;
using test::wait_until;
using testing::HasSubstr;
using Flags = std::vector<std::string>;
using Link = FakeMaster::Link;

Flags operator+(Flags a, const Flags& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Flags certificate(const Authority& authority, const Authority::Files& files) {
  return {"--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-ca-file", authority.ca_file()};
}

/// Bytes that compress to a third or so, and some that do not.
void write_load(std::uint16_t port) {
  RespConnection master(port);
  for (int i = 0; i < 400; ++i)
    master.call({"HSET", "user:" + std::to_string(i), "name", "somebody " + std::to_string(i * 7919), "mail",
                 "somebody@example.org", "text", std::string(static_cast<std::size_t>(i * 5), 'x')});
  master.call({"SET", "large", std::string(3 << 20, 'y')});
  master.call({"EVAL",
               "math.randomseed(7) local t = {} for i = 1, 100000 do t[i] = string.char(math.random(0, 255)) "
               "end redis.call('SET', 'noise', table.concat(t))",
               "0"});
}

bool caught_up(const Redis& master, const Redis& replica) {
  return wait_until([&] {
    return replica.link_is_up() && replica.number("slave_repl_offset") == master.number("master_repl_offset");
  });
}

/// What a plain replica gets: the RDB, and the stream up to `end`.
std::string everything_from(const AnyKeeper& keeper, std::int64_t end) {
  RespConnection replica(keeper.port());
  replica.send_command({"REPLCONF", "capa", "eof", "capa", "psync2"});
  replica.read_line();
  replica.send_command({"PSYNC", "?", "-1"});
  const std::string answer = replica.read_line().value_or("");
  const std::string header = replica.read_line().value_or("$0");
  const auto rdb = std::stoull(header.substr(1));
  const auto offset = std::stoll(answer.substr(answer.rfind(' ') + 1));
  return answer + header + replica.read_bytes(rdb + static_cast<std::size_t>(end - offset));
}

struct Hop {
  const char* name;
  bool tls_at_both = false;
  Flags far;   ///< what the far keeper is told of its upstream
  Flags near;  ///< what the near one is told
  const char* transport;
};

class ChainOverTheWan : public testing::TestWithParam<Hop> {};

TEST_P(ChainOverTheWan, CarriesRdbAndStreamByteForByte) {
  const Hop& hop = GetParam();
  const Authority authority;
  const auto secured = [&](const char* name) {
    return hop.tls_at_both
               ? certificate(authority, authority.issue(name)) + Flags{"--tls-plain-from", "127.0.0.1"}
               : Flags{};
  };
  Redis master;
  write_load(master.port());
  KeeperProcess near(master.port(), secured("near") + hop.near);
  ASSERT_TRUE(wait_until([&] { return near.is_connected(); }));
  KeeperProcess far(near.port(), secured("far") + hop.far);
  Redis replica;
  replica.follow(far.port());
  ASSERT_TRUE(caught_up(master, replica)) << near.log() << far.log();
  EXPECT_EQ(far.info("keeper_upstream_transport"), hop.transport);
  EXPECT_THAT(near.info("keeper_link0"), HasSubstr("transport=" + std::string(hop.transport) + ","))
      << near.log();

  write_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << near.log() << far.log();
  EXPECT_EQ(replica.digest(), master.digest());
  const std::int64_t plain = std::stoll(far.info("keeper_upstream_plain_bytes"));
  const std::int64_t wire = std::stoll(far.info("keeper_upstream_wire_bytes"));
  EXPECT_GT(plain, 3 << 20);
  const bool compressed = std::string_view(hop.transport).ends_with("zstd");
  EXPECT_EQ(wire < plain * 2 / 5, compressed) << wire << " of " << plain;

  far.kill();
  write_load(master.port());
  far.start();
  ASSERT_TRUE(caught_up(master, replica)) << near.log() << far.log();
  const std::int64_t end = master.number("master_repl_offset");
  ASSERT_TRUE(wait_until([&] { return near.offset() == end && far.offset() == end; }));
  EXPECT_EQ(everything_from(far, end), everything_from(near, end));
  EXPECT_EQ(far.number("full_syncs"), 0);          // it has joined, and fetched an RDB for its replica
  EXPECT_EQ(near.number("full_syncs_served"), 2);  // to far, and to this test
  EXPECT_EQ(master.number("sync_full"), 1);

  // Another history: the RDB comes on the link that the stream follows on.
  near.kill();
  std::filesystem::remove_all(near.directory() / "data");
  ASSERT_EQ(master.say({"DEBUG", "CHANGE-REPL-ID"}), "+OK");
  near.start();
  ASSERT_TRUE(wait_until([&] { return far.number("full_syncs") == 1; })) << near.log() << far.log();
  write_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << near.log() << far.log();
  EXPECT_EQ(replica.digest(), master.digest());
  EXPECT_EQ(far.info("keeper_upstream_transport"), hop.transport);
}

INSTANTIATE_TEST_SUITE_P(
    Links, ChainOverTheWan,
    testing::Values(
        Hop{"Plain", false, {}, {}, "tcp"}, Hop{"Tls", true, {"--upstream-tls"}, {}, "tls"},
        Hop{"Zstd", false, {"--upstream-zstd"}, {}, "tcp+zstd"},
        Hop{"TlsAndZstd", true, {"--upstream-tls", "--upstream-zstd"}, {"--zstd-level", "1"}, "tls+zstd"},
        Hop{"ZstdThatUpstreamHasTurnedOff", false, {"--upstream-zstd"}, {"--zstd-level", "0"}, "tcp"},
        Hop{"TlsThatNobodyAskedFor", true, {}, {}, "tcp"}),
    [](const auto& param) { return param.param.name; });

TEST(Links, AGetackTravelsThroughACompressedChain) {
  Redis master;
  KeeperProcess near(master.port());
  ASSERT_TRUE(wait_until([&] { return near.is_connected(); }));
  KeeperProcess far(near.port(), {"--upstream-zstd"});
  Redis replica;
  replica.follow(far.port());
  ASSERT_TRUE(caught_up(master, replica));
  for (int i = 0; i < 20; ++i) {
    master.call({"SET", "key", std::to_string(i)});
    ASSERT_TRUE(caught_up(master, replica)) << i;  // nothing waits for more to compress
    EXPECT_EQ(replica.say({"GET", "key"}), "+" + std::to_string(i));
  }
  EXPECT_TRUE(wait_until([&] {
    return near.info("slave0").find("offset=" + std::to_string(master.number("master_repl_offset")) + ",") !=
           std::string::npos;
  })) << near.info("slave0");
}

// Redis

Flags redis_tls(const Authority& authority, std::uint16_t port) {
  const auto files = authority.issue("redis");
  return {"--tls-cert-file",    files.cert,          "--tls-key-file", files.key,
          "--tls-ca-cert-file", authority.ca_file(), "--tls-port",     std::to_string(port)};
}
std::string secret_file(const test::TempDir& directory, const std::string& secret) {
  const auto path = directory.path() / "secret";
  std::ofstream(path) << secret << "\n";
  return path.string();
}

TEST(Links, AMasterWithTlsAndAUser) {
  const Authority authority;
  const test::TempDir directory;
  const std::uint16_t port = test::free_port();
  Redis master(redis_tls(authority, port) +
               Flags{"--user", "keeper", "on", ">wonderful", "+psync", "+replconf", "+ping", "+info"});
  write_load(master.port());
  const Flags flags =
      certificate(authority, authority.issue("keeper")) +
      Flags{"--upstream-tls",   "--user",   "keeper", "--password-file", secret_file(directory, "wonderful"),
            "--tls-plain-from", "127.0.0.1"};
  KeeperProcess keeper(port, flags + Flags{"--upstream-zstd"});
  Redis replica;
  replica.follow(keeper.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  write_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), master.digest());
  EXPECT_EQ(keeper.info("keeper_upstream_transport"), "tls");  // a master is asked for zstd and says no
  EXPECT_EQ(master.number("sync_full"), 1);
}

TEST(Links, AMasterThatIsNotBelievedIsNotFollowed) {
  const Authority authority, other;
  const std::uint16_t port = test::free_port();
  Redis master(redis_tls(authority, port) + Flags{"--tls-auth-clients", "no"});
  KeeperProcess keeper(port, {"--upstream-tls", "--tls-ca-file", other.ca_file()});
  ASSERT_TRUE(wait_until([&] {
    return keeper.info("keeper_upstream_error").find("certificate verify failed") != std::string::npos;
  })) << keeper.log();
  EXPECT_FALSE(keeper.is_connected());
  EXPECT_EQ(master.number("sync_full"), 0);

  KeeperProcess believing(port, {"--upstream-tls", "--tls-ca-file", authority.ca_file()});
  EXPECT_TRUE(wait_until([&] { return believing.is_connected(); })) << believing.log();
}

TEST(Links, TlsWithAMasterThatSpeaksPlainlyFailsAndHeals) {
  const Authority authority;
  Redis master;
  KeeperProcess keeper(master.port(), {"--upstream-tls", "--tls-ca-file", authority.ca_file()});
  ASSERT_TRUE(wait_until([&] { return !keeper.info("keeper_upstream_error").empty(); }));
  EXPECT_THAT(keeper.info("keeper_upstream_error"), testing::AnyOf(HasSubstr("TLS"), HasSubstr("closed")));
  EXPECT_EQ(keeper.say({"PING"}), "+PONG");
}

TEST(Links, AReplicaThatSpeaksTls) {
  const Authority authority;
  Redis master;
  write_load(master.port());
  KeeperProcess keeper(master.port(), certificate(authority, authority.issue("keeper")) +
                                          Flags{"--tls-plain-from", "127.0.0.1"});
  Redis replica(redis_tls(authority, test::free_port()) + Flags{"--tls-replication", "yes"});
  replica.follow(keeper.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  write_load(master.port());
  ASSERT_TRUE(caught_up(master, replica)) << keeper.log();
  EXPECT_EQ(replica.digest(), master.digest());
  EXPECT_THAT(keeper.info("keeper_link0"), HasSubstr("transport=tls,"));
}

TEST(Links, APasswordWithoutAUserIsSaidWithinTls) {
  const Authority authority;
  const test::TempDir directory;
  const std::string secret = secret_file(directory, "wonderful");
  Redis master;
  write_load(master.port());
  KeeperProcess near(master.port(),
                     certificate(authority, authority.issue("near")) +
                         Flags{"--tls-plain-from", "127.0.0.1", "--required-password-file", secret});
  KeeperProcess far(near.port(), certificate(authority, authority.issue("far")) +
                                     Flags{"--tls-plain-from", "127.0.0.1", "--upstream-tls",
                                           "--upstream-zstd", "--password-file", secret});
  Redis behind_far, secured(redis_tls(authority, test::free_port()) +
                            Flags{"--tls-replication", "yes", "--masterauth", "wonderful"});
  behind_far.follow(far.port());
  secured.follow(near.port());
  ASSERT_TRUE(caught_up(master, behind_far)) << near.log() << far.log();
  ASSERT_TRUE(caught_up(master, secured)) << near.log();
  EXPECT_EQ(behind_far.digest(), master.digest());
  EXPECT_EQ(secured.digest(), master.digest());
  EXPECT_EQ(far.info("keeper_upstream_transport"), "tls+zstd");
}

// Who comes in

TEST(Links, WithoutTlsOnlyThoseComeInWhoMay) {
  const Authority authority;
  Redis master;
  const auto directory = std::make_unique<test::TempDir>();
  const std::uint16_t port = test::free_port();
  test::ChildProcess keeper(
      Flags{KEEPER_BINARY, "--standalone", "--listen", "127.0.0.1:" + std::to_string(port), "--data",
            (directory->path() / "data").string()} +
          certificate(authority, authority.issue("keeper")) + Flags{"--tls-plain-from", "10.0.0.0/8"},
      (directory->path() / "log").string());
  ASSERT_TRUE(wait_until(
      [&] { return keeper.has_ended() || test::text_of(test::call(port, {"PING"})).starts_with("-ERR"); }));
  EXPECT_EQ(test::text_of(test::call(port, {"PING"})), "-ERR without TLS nobody is let in from 127.0.0.1");
  RespConnection stranger(port);
  stranger.send("\x16\x03\x01 and no more of a handshake than this");
  EXPECT_TRUE(stranger.closed_by_peer());
  EXPECT_FALSE(keeper.has_ended());
  EXPECT_THAT(keeper.output(), HasSubstr("a connection was refused"));
}

TEST(Links, WhoDoesNotEndItsTlsHandshakeHasTheTimeOfAStranger) {
  const Authority authority;
  const auto files = authority.issue("keeper");
  net::TlsOptions wish;
  wish.cert_file = files.cert;
  wish.key_file = files.key;
  wish.ca_file = authority.ca_file();
  const std::shared_ptr<net::TlsContext> tls = net::TlsContext::load(wish).value();
  LocalKeeper keeper({}, [&tls](KeeperOptions& options) {
    options.links.tls = tls;
    options.links.plain_from = {net::Network::parse("127.0.0.1").value()};
    options.patience.auth_ms = 200;
    options.caps = {.per_port = 3};
  });
  RespConnection silent(keeper.port()), slow(keeper.port());
  slow.send("\x16\x03\x01\x02");
  RespConnection plain(keeper.port());
  EXPECT_EQ(test::text_of(plain.call({"PING"})), "+PONG");
  RespConnection one_too_many(keeper.port());
  EXPECT_THAT(one_too_many.read_line().value_or(""), HasSubstr("max number of clients"))
      << "they count from the first moment";
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_TRUE(slow.closed_by_peer());
  EXPECT_EQ(test::text_of(plain.call({"PING"})), "+PONG") << "who has spoken stays";
  EXPECT_THAT(test::text_of(plain.call({"INFO"})), HasSubstr("connected_clients:1\r\n"));
}

TEST(Links, ACertificateThatChangesIsUsedForNewLinksAndEndsNone) {
  const Authority authority;
  Redis master;
  const auto near_files = authority.issue("near");
  KeeperProcess near(master.port(),
                     certificate(authority, near_files) + Flags{"--tls-plain-from", "127.0.0.1"});
  ASSERT_TRUE(wait_until([&] { return near.is_connected(); }));
  KeeperProcess far(near.port(), certificate(authority, authority.issue("far")) +
                                     Flags{"--tls-plain-from", "127.0.0.1", "--upstream-tls"});
  ASSERT_TRUE(wait_until([&] { return far.is_connected(); })) << far.log();

  authority.issue("near", {"IP:127.0.0.2"});  // not where it serves
  ASSERT_TRUE(
      wait_until([&] { return near.log().find("certificates were loaded again") != std::string::npos; }));
  master.call({"SET", "a", "1"});
  ASSERT_TRUE(wait_until([&] { return far.offset() == master.number("master_repl_offset"); }));
  EXPECT_TRUE(far.is_connected());
  EXPECT_EQ(far.log().find("upstream link ended"), std::string::npos) << far.log();

  far.kill();
  far.start();
  EXPECT_TRUE(wait_until([&] {
    return far.info("keeper_upstream_error").find("IP address mismatch") != std::string::npos;
  })) << far.log();
  std::ofstream(near_files.cert, std::ios::trunc) << "not a certificate";
  ASSERT_TRUE(
      wait_until([&] { return near.log().find("not usable, the old ones stay") != std::string::npos; }));
  authority.issue("near");
  EXPECT_TRUE(wait_until([&] { return far.is_connected(); })) << far.log();
}

// Which links

TEST(Links, TheOrderSaysWhichUpstreamIsSpokenToHow) {
  Redis master;
  KeeperProcess upstream(master.port());
  ASSERT_TRUE(wait_until([&] { return upstream.is_connected(); }));
  LocalKeeper keeper({}, [](KeeperOptions& options) { options.links.zstd_to = {UpstreamKind::other_dc}; });
  const auto transport = [&] {
    EXPECT_TRUE(wait_until([&] { return keeper.is_connected(); }));
    return keeper.info("keeper_upstream_transport");
  };
  ASSERT_EQ(keeper.order("ACTIVE", upstream.port(), 1, {"ACTIVEDC", "no"}), "+OK");
  EXPECT_EQ(transport(), "tcp+zstd");
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 2, {"ACTIVEDC", "yes"}), "+OK");
  EXPECT_EQ(transport(), "tcp");
  ASSERT_EQ(keeper.order("BACKUP", upstream.port(), 3, {"ACTIVEDC", "no"}), "+OK");
  EXPECT_EQ(transport(), "tcp");
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 4, {"ACTIVEDC", "yes"}), "+OK");
  ASSERT_EQ(keeper.order("ACTIVE", upstream.port(), 5, {"ACTIVEDC", "no"}), "+OK");
  EXPECT_EQ(transport(), "tcp+zstd");
  keeper.stop();
  keeper.start();
  EXPECT_EQ(transport(), "tcp+zstd");  // it remembers
  EXPECT_EQ(keeper.number("full_syncs"), 0);
}

// Upstreams that are no keepers

const std::string kRdb = rdb_with("");
void ask_for_zstd(KeeperOptions& options) {
  options.links.zstd_to = {UpstreamKind::master, UpstreamKind::own_dc, UpstreamKind::other_dc};
}

/// Answers the question for compression with `answer`; the PSYNC command when it comes.
std::optional<resp::Command> greet(Link& link, const std::string& answer) {
  for (;;) {
    auto command = FakeMaster::read_command(link);
    if (!command || command->at(0) == "PSYNC") return command;
    const bool asks = command->size() == 3 && command->at(1) == kStreamOption;
    if (!link.send(asks ? answer : command->at(0) == "PING" ? "+PONG\r\n" : "+OK\r\n")) return std::nullopt;
  }
}

class NoAgreement : public testing::TestWithParam<const char*> {};

TEST_P(NoAgreement, IsAnyOtherAnswer) {
  const std::string stream = set_command("a", "1");
  FakeMaster master([answer = std::string(GetParam()), stream](Link& link) {
    if (!greet(link, answer + "\r\n")) return;
    link.send("+FULLRESYNC " + std::string(kReplid) + " 100\r\n$" + std::to_string(kRdb.size()) + "\r\n" +
              kRdb + stream);
    FakeMaster::stay(link);
  });
  LocalKeeper keeper({}, ask_for_zstd);
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  EXPECT_TRUE(wait_until([&] { return keeper.offset() == 100 + static_cast<std::int64_t>(stream.size()); }));
  EXPECT_EQ(keeper.info("keeper_upstream_transport"), "tcp");
}

INSTANTIATE_TEST_SUITE_P(Links, NoAgreement,
                         testing::Values("+OK", "+zstd 1",
                                         "-ERR Unrecognized REPLCONF option: penstock-stream", ":1"));

TEST(Links, AnAgreementThatIsNotKeptIsNoData) {
  FakeMaster master([](Link& link) {
    if (!greet(link, "+zstd\r\n")) return;
    link.send("+FULLRESYNC " + std::string(kReplid) + " 100\r\n$" + std::to_string(kRdb.size()) + "\r\n" +
              kRdb);
    FakeMaster::stay(link);
  });
  LocalKeeper keeper({}, ask_for_zstd);
  ASSERT_EQ(keeper.order("ACTIVE", master.port(), 1), "+OK");
  EXPECT_TRUE(wait_until([&] {
    return keeper.info("keeper_upstream_error").find("impossible length") != std::string::npos;
  })) << keeper.info("keeper_upstream_error");
  EXPECT_TRUE(wait_until([&] { return master.connects() > 1; }));
  EXPECT_EQ(keeper.number("full_syncs"), 0);
}

TEST(Links, AKeeperCompressesOnlyForThoseWhoAskInItsWords) {
  Redis master;
  KeeperProcess keeper(master.port());
  ASSERT_TRUE(wait_until([&] { return keeper.is_connected(); }));
  RespConnection replica(keeper.port());
  EXPECT_EQ(test::text_of(replica.call({"REPLCONF", "compression", "3"})),
            "-ERR Unrecognized REPLCONF option: compression");
  EXPECT_THAT(test::text_of(replica.call({"REPLCONF", "penstock-stream", "lz4"})), HasSubstr("-ERR"));
  EXPECT_EQ(test::text_of(replica.call({"REPLCONF", "capa", "zstd"})), "+OK");
  replica.send_command({"PSYNC", "?", "-1"});
  EXPECT_THAT(replica.read_line().value_or(""), HasSubstr("+FULLRESYNC"));
  EXPECT_THAT(replica.read_line().value_or(""), testing::StartsWith("$"));
  EXPECT_EQ(replica.read_bytes(5), "REDIS");

  RespConnection other(keeper.port());
  EXPECT_EQ(test::text_of(other.call({"REPLCONF", "penstock-stream", "zstd"})), "+zstd");
  other.send_command({"PSYNC", "?", "-1"});
  EXPECT_THAT(other.read_line().value_or(""), HasSubstr("+FULLRESYNC"));
  EXPECT_NE(other.read_bytes(1), "$");

  RespConnection old(keeper.port());  // SYNC has no answer behind which it could begin
  EXPECT_EQ(test::text_of(old.call({"REPLCONF", "penstock-stream", "zstd"})), "+zstd");
  old.send_command({"SYNC"});
  EXPECT_THAT(old.read_line().value_or(""), testing::StartsWith("$"));
  EXPECT_EQ(old.read_bytes(5), "REDIS");
}

}  // namespace
}  // namespace penstock::keeper
