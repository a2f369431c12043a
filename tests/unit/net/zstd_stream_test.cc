// Compression around a connection: each direction by itself, nothing held back, and over TLS.
#include "common/net/zstd_stream.h"

#include <gmock/gmock.h>

#include "tls_links.h"

namespace penstock::net {
namespace {

using boost::asio::io_context;

TEST(ZstdStream, CompressesTheDirectionThatItIsToldTo) {
  io_context loop;
  const Link raw = connect_both(loop);
  const auto sender = std::make_shared<ZstdStream>(raw.server, ZstdOptions{.write_level = 3});
  const auto receiver = std::make_shared<ZstdStream>(raw.client, ZstdOptions{.compressed_in = true});
  const std::string bytes = some_bytes(5 << 20);
  const auto arrived = test::run(loop, carry(sender, receiver, bytes));
  ASSERT_TRUE(arrived) << arrived.error().message;
  EXPECT_TRUE(arrived.value() == bytes);
  EXPECT_EQ(receiver->facts().plain_in, bytes.size());
  EXPECT_LT(receiver->facts().wire_in, bytes.size() * 2 / 3);
  EXPECT_EQ(sender->facts().wire_out, receiver->facts().wire_in);

  EXPECT_EQ(test::run(loop, carry(receiver, sender, "back as it is")).value(), "back as it is");
  EXPECT_EQ(raw.client->facts().wire_out, 13u);
}

TEST(ZstdStream, HoldsNothingBack) {
  io_context loop;
  const Link raw = connect_both(loop);
  const auto sender = std::make_shared<ZstdStream>(raw.server, ZstdOptions{.write_level = 3});
  const auto receiver = std::make_shared<ZstdStream>(raw.client, ZstdOptions{.compressed_in = true});
  for (const std::size_t size : {1ul, 2ul, 100ul, kFramePlainMax, kFramePlainMax + 1}) {
    const auto arrived = test::run(loop, within(kLimit, "read", carry(sender, receiver, some_bytes(size))));
    ASSERT_TRUE(arrived) << size << ": " << arrived.error().message;
    EXPECT_TRUE(arrived.value() == some_bytes(size));
  }
}

TEST(ZstdStream, BeginsWithWhatWasReadAlready) {
  io_context loop;
  const Link raw = connect_both(loop);
  const auto sender = std::make_shared<ZstdStream>(raw.server, ZstdOptions{.write_level = 1});
  const std::string bytes = some_bytes(1000);
  ASSERT_TRUE(test::run(loop, write_bytes(raw.server, "+CONTINUE\r\n")));
  ASSERT_TRUE(test::run(loop, write_bytes(sender, bytes)));
  const std::string early = test::run(loop, read_all(raw.client, 50)).value();
  const auto receiver = std::make_shared<ZstdStream>(raw.client, ZstdOptions{.compressed_in = true},
                                                     early.substr(early.find('\n') + 1));
  EXPECT_EQ(test::run(loop, within(kLimit, "read", read_all(receiver, 1000, 7))).value(), bytes);
}

TEST(ZstdStream, ACorruptedLinkIsClosed) {
  io_context loop;
  const Link raw = connect_both(loop);
  const auto receiver = std::make_shared<ZstdStream>(raw.client, ZstdOptions{.compressed_in = true});
  ASSERT_TRUE(test::run(loop, write_bytes(raw.server, "+OK\r\n and whatever else is no frame")));
  EXPECT_EQ(test::run(loop, within(kLimit, "read", read_all(receiver, 1))).error().code, Errc::corrupt);
  EXPECT_EQ(test::run(loop, within(kLimit, "read", read_all(raw.server, 1))).error().code, Errc::io);
}

TEST(ZstdStream, TravelsOverTls) {
  io_context loop;
  const test::Authority authority;
  const auto context = load(tls_options(authority, "it"));
  const TlsLink tls = tls_link(loop, *context, *context);
  const auto sender = std::make_shared<ZstdStream>(tls.server, ZstdOptions{.write_level = 1});
  const auto receiver = std::make_shared<ZstdStream>(tls.client, ZstdOptions{.compressed_in = true});
  const std::string bytes = some_bytes(2 << 20);
  const auto arrived = test::run(loop, carry(sender, receiver, bytes));
  ASSERT_TRUE(arrived);
  EXPECT_TRUE(arrived.value() == bytes);
  EXPECT_TRUE(receiver->facts().tls && receiver->facts().zstd);
  EXPECT_EQ(test::run(loop, carry(receiver, sender, "REPLCONF ACK 1")).value(), "REPLCONF ACK 1");
}

}  // namespace
}  // namespace penstock::net
