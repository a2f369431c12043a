// TLS: the bytes arrive, whoever is not believed is refused, and a broken link ends.
#include <gmock/gmock.h>

#include "tls_links.h"

namespace penstock::net {
namespace {

using boost::asio::io_context;
using test::Authority;
using testing::HasSubstr;

TEST(TlsStream, CarriesBytesBothWaysAtOnce) {
  using namespace boost::asio::experimental::awaitable_operators;
  io_context loop;
  const Authority authority;
  const auto near = load(tls_options(authority, "near"));
  const auto far = load(tls_options(authority, "far"));
  const TlsLink link = tls_link(loop, *near, *far);
  auto both = [](TlsLink ends) -> Task<bool> {
    const std::string there = some_bytes(5 << 20, 1), back = some_bytes(3 << 20, 2);
    auto [arrived, returned] =
        co_await (carry(ends.client, ends.server, there) && carry(ends.server, ends.client, back));
    co_return arrived&& arrived.value() == there&& returned&& returned.value() == back;
  };
  EXPECT_TRUE(test::run(loop, both(link)));
  const LinkFacts facts = link.client->facts();
  EXPECT_TRUE(facts.tls);
  EXPECT_EQ(facts.plain_out, 5u << 20);
  EXPECT_EQ(facts.plain_in, 3u << 20);
  EXPECT_GT(facts.wire_out, facts.plain_out);
  EXPECT_LT(facts.wire_out, facts.plain_out * 11 / 10);
}

struct Refusal {
  const char* name;
  Authority::Wish server, client;
  bool other_authority_signs_server = false, other_authority_signs_client = false;
  const char* why;  ///< what the side that refuses says
  bool server_refuses = false;
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, AndToldWhy) {
  const Refusal& refusal = GetParam();
  io_context loop;
  const Authority authority, other;
  TlsOptions server =
      tls_options(refusal.other_authority_signs_server ? other : authority, "server", refusal.server);
  TlsOptions client =
      tls_options(refusal.other_authority_signs_client ? other : authority, "client", refusal.client);
  server.ca_file = client.ca_file = authority.ca_file();
  const auto near = load(client), far = load(server);
  const TlsLink link = tls_ends(loop, *near, *far);
  const Handshakes done = test::run(loop, shake(link.client, link.server));
  const Result<>& refused = refusal.server_refuses ? done.server : done.client;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::refused);
  EXPECT_THAT(refused.error().message, HasSubstr(refusal.why));
  // With TLS 1.3 a client learns of the server's refusal when it reads.
  const auto read = test::run(loop, within(kLimit, "read", read_all(link.client, 1)));
  EXPECT_FALSE(read);
  EXPECT_NE(read.error().code, Errc::timeout);
}

INSTANTIATE_TEST_SUITE_P(
    Tls, Refused,
    testing::Values(
        Refusal{"ServerOfAnotherAuthority", {}, {}, true, false, "unable to get local issuer", false},
        Refusal{"ServerOfAnotherHost",
                {"IP:127.0.0.2,DNS:localhost"},
                {},
                false,
                false,
                "IP address mismatch",
                false},
        Refusal{"ServerExpired", {"IP:127.0.0.1", true}, {}, false, false, "expired", false},
        Refusal{"ClientOfAnotherAuthority", {}, {}, false, true, "unable to get local issuer", true},
        Refusal{"ClientExpired", {}, {"IP:127.0.0.1", true}, false, false, "expired", true}),
    [](const auto& param) { return param.param.name; });

TEST(TlsStream, ACertificateIsDemandedOfTheClient) {
  io_context loop;
  const Authority authority;
  TlsOptions server = tls_options(authority, "server");
  TlsOptions client;
  client.ca_file = authority.ca_file();
  const auto near = load(client), far = load(server);
  const TlsLink link = tls_ends(loop, *near, *far);
  const Handshakes done = test::run(loop, shake(link.client, link.server));
  ASSERT_FALSE(done.server);
  EXPECT_THAT(done.server.error().message, HasSubstr("peer did not return a certificate"));
  const auto read = test::run(loop, within(kLimit, "read", read_all(link.client, 1)));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("certificate required"));

  server.require_client_cert = false;
  const auto lenient = load(server);
  const TlsLink open = tls_link(loop, *near, *lenient);
  EXPECT_EQ(test::run(loop, carry(open.client, open.server, "hello")).value(), "hello");
}

TEST(TlsStream, ANameMayStandForTheAddress) {
  io_context loop;
  const Authority authority;
  TlsOptions client = tls_options(authority, "client");
  client.server_name = "keepers.east";
  const auto near = load(client);
  const auto named = load(tls_options(authority, "named", {"DNS:keepers.east"}));
  const TlsLink link = tls_link(loop, *near, *named);
  EXPECT_EQ(test::run(loop, carry(link.client, link.server, "hello")).value(), "hello");

  const auto unnamed = load(tls_options(authority, "unnamed"));
  const TlsLink wrong = tls_ends(loop, *near, *unnamed);
  const Handshakes done = test::run(loop, shake(wrong.client, wrong.server));
  ASSERT_FALSE(done.client);
  EXPECT_THAT(done.client.error().message, HasSubstr("hostname mismatch"));
}

Task<Result<>> shake_with(std::shared_ptr<TlsStream> tls, std::shared_ptr<ByteStream> peer,
                          std::string says) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto [said, shaken] =
      co_await (write_bytes(peer, std::move(says)) && within(kLimit, "handshake", tls->handshake()));
  PS_CO_TRY(said);
  co_return shaken;
}

TEST(TlsStream, APlainPeerIsRefusedOnEitherSide) {
  io_context loop;
  const Authority authority;
  const auto context = load(tls_options(authority, "it"));
  const Link plain_client = connect_both(loop);
  const auto server = TlsStream::to_client(loop.get_executor(), plain_client.server, *context);
  auto shaken = test::run(loop, shake_with(server, plain_client.client, "*1\r\n$4\r\nPING\r\n"));
  ASSERT_FALSE(shaken);
  EXPECT_EQ(shaken.error().code, Errc::refused);

  const Link plain_server = connect_both(loop);
  const auto client = TlsStream::to_server(loop.get_executor(), plain_server.client, *context);
  shaken = test::run(loop, shake_with(client, plain_server.server, "-ERR unknown command\r\n"));
  ASSERT_FALSE(shaken);
  EXPECT_EQ(shaken.error().code, Errc::refused);
  EXPECT_THAT(shaken.error().message, HasSubstr("wrong version number"));
}

TEST(TlsStream, ASilentPeerMeetsTheDeadlineAndAClosedOneAnError) {
  io_context loop;
  const Authority authority;
  const auto context = load(tls_options(authority, "it"));
  const Link silent = connect_both(loop);
  const auto waiting = TlsStream::to_server(loop.get_executor(), silent.client, *context);
  EXPECT_EQ(test::run(loop, within(Millis{20}, "handshake", waiting->handshake())).error().code,
            Errc::timeout);

  const Link gone = connect_both(loop);
  gone.server->close();
  const auto alone = TlsStream::to_server(loop.get_executor(), gone.client, *context);
  EXPECT_EQ(test::run(loop, within(kLimit, "handshake", alone->handshake())).error().code, Errc::io);
}

struct BrokenLink : testing::Test {
  io_context loop;
  const Authority authority;
  const std::unique_ptr<TlsContext> context = load(tls_options(authority, "it"));
  const Link raw = connect_both(loop);
  const std::shared_ptr<TlsStream> client = TlsStream::to_server(loop.get_executor(), raw.client, *context);
  const std::shared_ptr<TlsStream> server = TlsStream::to_client(loop.get_executor(), raw.server, *context);

  void SetUp() override {
    const Handshakes done = test::run(loop, shake(client, server));
    ASSERT_TRUE(done.client && done.server);
  }
  Error end_of_read() {
    const auto read = test::run(loop, within(kLimit, "read", read_all(server, 100)));
    return read ? Error{Errc::internal, "it goes on"} : read.error();
  }
};

TEST_F(BrokenLink, CutBehindWhatWasWritten) {
  ASSERT_TRUE(test::run(loop, write_bytes(client, "hello")));
  raw.client->close();
  EXPECT_EQ(test::run(loop, read_all(server, 5)).value(), "hello");
  EXPECT_EQ(end_of_read().code, Errc::io);
  EXPECT_EQ(end_of_read().code, Errc::io);  // again
}

TEST_F(BrokenLink, CutWithinARecord) {
  // The header of a record of application data, and the beginning of what it promises.
  ASSERT_TRUE(test::run(loop, write_bytes(raw.client, std::string("\x17\x03\x03\x00\x40half", 9))));
  raw.client->close();
  EXPECT_EQ(end_of_read().code, Errc::io);
}

TEST_F(BrokenLink, GarbageIsNoData) {
  ASSERT_TRUE(test::run(
      loop, write_bytes(raw.client, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'))));
  EXPECT_EQ(end_of_read().code, Errc::protocol);
  EXPECT_NE(end_of_read().code, Errc::timeout);
}

}  // namespace
}  // namespace penstock::net
