// Certificates that change under a running process.
#include <gmock/gmock.h>

#include <fstream>

#include "tls_links.h"

namespace penstock::net {
namespace {

using boost::asio::io_context;
using test::Authority;
using testing::HasSubstr;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

std::string refusal_of(TlsOptions options) {
  auto loaded = TlsContext::load(std::move(options));
  return loaded ? "" : loaded.error().message;
}

TEST(TlsContext, SaysWhichFileIsNotUsable) {
  const Authority authority;
  const TlsOptions good = tls_options(authority, "it");
  EXPECT_EQ(refusal_of(good), "");
  TlsOptions options = good;
  options.cert_file = "/nonexistent/it.crt";
  EXPECT_THAT(refusal_of(options), HasSubstr("/nonexistent/it.crt"));
  options = good;
  options.key_file = authority.issue("another").key;
  EXPECT_THAT(refusal_of(options), HasSubstr("another.key"));
  options = good;
  options.ca_file = good.key_file;
  EXPECT_THAT(refusal_of(options), HasSubstr("it.key"));
  options = good;
  options.key_file.clear();
  EXPECT_THAT(refusal_of(options), HasSubstr("needs its key"));
  EXPECT_THAT(refusal_of({}), HasSubstr("CA file"));
}

TEST(TlsContext, TakesChangedFilesForNewLinksAndLeavesTheOldAlone) {
  io_context loop;
  const Authority authority;
  const auto client = load(tls_options(authority, "client"));
  const auto server = load(tls_options(authority, "server"));
  const TlsLink before = tls_link(loop, *client, *server);
  EXPECT_FALSE(server->refresh().value());  // nothing has changed

  authority.issue("server", {"IP:127.0.0.2"});
  EXPECT_TRUE(server->refresh().value());
  EXPECT_FALSE(server->refresh().value());
  const TlsLink after = tls_ends(loop, *client, *server);
  const Handshakes done = test::run(loop, shake(after.client, after.server));
  ASSERT_FALSE(done.client);
  EXPECT_THAT(done.client.error().message, HasSubstr("IP address mismatch"));
  EXPECT_EQ(test::run(loop, carry(before.client, before.server, "still here")).value(), "still here");
}

TEST(TlsContext, ANewAuthorityIsBelieved) {
  io_context loop;
  const Authority old_one, new_one;
  TlsOptions options = tls_options(old_one, "client");
  const auto client = load(options);
  const auto server = load([&] {
    TlsOptions theirs = tls_options(new_one, "server");
    theirs.require_client_cert = false;
    return theirs;
  }());
  const TlsLink before = tls_ends(loop, *client, *server);
  EXPECT_FALSE(test::run(loop, shake(before.client, before.server)).client);
  std::filesystem::copy_file(new_one.ca_file(), options.ca_file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(client->refresh().value());
  const TlsLink after = tls_link(loop, *client, *server);
  EXPECT_EQ(test::run(loop, carry(after.client, after.server, "hello")).value(), "hello");
}

TEST(TlsContext, ABrokenFileIsReportedOnceAndTheOldStaysInUse) {
  io_context loop;
  const Authority authority;
  const auto client = load(tls_options(authority, "client"));
  const TlsOptions options = tls_options(authority, "server");
  const auto server = load(options);
  write_file(options.cert_file, "-----BEGIN CERTIFICATE-----\nhalf of it");
  const auto refreshed = server->refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_THAT(refreshed.error().message, HasSubstr(options.cert_file));
  EXPECT_FALSE(server->refresh().value());  // said once
  const TlsLink link = tls_link(loop, *client, *server);
  EXPECT_EQ(test::run(loop, carry(link.client, link.server, "hello")).value(), "hello");

  std::filesystem::remove(options.cert_file);
  EXPECT_FALSE(server->refresh());
  authority.issue("server");
  EXPECT_TRUE(server->refresh().value());
  tls_link(loop, *client, *server);
}

TEST(TlsContext, AKeyThatFollowsItsCertificateLater) {
  const Authority authority;
  const TlsOptions options = tls_options(authority, "server");
  const auto server = load(options);
  const test::TempDir elsewhere;
  const auto fresh = authority.issue(elsewhere.path(), "server", {});
  std::filesystem::rename(fresh.cert, options.cert_file);
  EXPECT_THAT(server->refresh().error().message, HasSubstr(options.key_file));
  std::filesystem::rename(fresh.key, options.key_file);
  EXPECT_TRUE(server->refresh().value());
}

}  // namespace
}  // namespace penstock::net
