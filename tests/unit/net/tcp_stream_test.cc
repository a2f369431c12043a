// TCP: everything written arrives, and no wait outlives its link.
#include <gmock/gmock.h>

#include "links.h"

namespace penstock::net {
namespace {

using boost::asio::io_context;
using testing::HasSubstr;

TEST(TcpStream, CarriesPiecesOfAnySizeInOrder) {
  io_context loop;
  const Link link = connect_both(loop);
  const std::string bytes = some_bytes(9 << 20);
  const auto arrived = test::run(loop, carry(link.client, link.server, bytes));
  ASSERT_TRUE(arrived);
  EXPECT_TRUE(arrived.value() == bytes);
  EXPECT_EQ(link.client->facts().wire_out, bytes.size());
  EXPECT_EQ(link.server->facts().plain_in, bytes.size());
  EXPECT_EQ(link.server->peer().host, "127.0.0.1");
}

TEST(TcpStream, WhatIsAskedAfterTheEndFailsAtOnce) {
  io_context loop;
  const Link link = connect_both(loop);
  link.client->close();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto read = test::run(loop, within(kLimit, "read", read_all(link.server, 1)));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::io) << attempt;
  }
  EXPECT_EQ(test::run(loop, within(kLimit, "write", write_bytes(link.server, "x"))).error().code, Errc::io);
}

Task<Result<>> close_soon(std::shared_ptr<ByteStream> stream) {
  PS_CO_TRY(co_await sleep_for(Millis{1}));
  stream->close();
  co_return success();
}

TEST(TcpStream, CloseEndsAReadThatWaits) {
  using namespace boost::asio::experimental::awaitable_operators;
  io_context loop;
  const Link link = connect_both(loop);
  auto both = [](Link ends) -> Task<Result<std::string>> {
    auto [closed, read] = co_await (close_soon(ends.server) && read_all(ends.server, 1));
    co_return read;
  };
  const auto read = test::run(loop, within(kLimit, "read", both(link)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::io);
}

TEST(TcpStream, ADeadlineEndsAReadThatWaits) {
  io_context loop;
  const Link link = connect_both(loop);
  EXPECT_EQ(test::run(loop, within(Millis{5}, "read", read_all(link.server, 1))).error().code, Errc::timeout);
}

TEST(TcpStream, PeekLeavesTheByteWhereItIs) {
  io_context loop;
  const Link link = connect_both(loop);
  ASSERT_TRUE(test::run(loop, write_bytes(link.client, "xy")));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto first = test::run(loop, within(kLimit, "peek", link.server->peek()));
    ASSERT_TRUE(first);
    EXPECT_EQ(first.value(), 'x');
  }
  EXPECT_EQ(test::run(loop, read_all(link.server, 2)).value(), "xy");
  link.client->close();
  EXPECT_EQ(test::run(loop, within(kLimit, "peek", link.server->peek())).error().code, Errc::io);
}

TEST(TcpStream, SaysThatNobodyAnswers) {
  io_context loop;
  TcpStream nobody(loop.get_executor());
  const auto connected = test::run(loop, nobody.connect({"127.0.0.1", 1}));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, Errc::unavailable);
  TcpStream nonsense(loop.get_executor());
  EXPECT_EQ(test::run(loop, nonsense.connect({"redis.example", 1})).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace penstock::net
