// Both ends of a connection in one loop, and what tests do with them.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "common/async/within.h"
#include "common/net/tcp_stream.h"
#include "support/run_task.h"

namespace penstock::net {

inline constexpr Millis kLimit{20'000};

struct Link {
  std::shared_ptr<TcpStream> client, server;
};

inline Task<boost::asio::ip::tcp::socket> accept_one(boost::asio::ip::tcp::acceptor* acceptor) {
  co_return co_await acceptor->async_accept(boost::asio::use_awaitable);
}

inline Link connect_both(boost::asio::io_context& loop) {
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0});
  Link link;
  link.client = std::make_shared<TcpStream>(loop.get_executor());
  const Address there{"127.0.0.1", acceptor.local_endpoint().port()};
  if (!test::run(loop, link.client->connect(there))) throw std::runtime_error("connect");
  link.server = std::make_shared<TcpStream>(test::run(loop, accept_one(&acceptor)));
  return link;
}

/// Exactly `count` bytes, or the error.
inline Task<Result<std::string>> read_all(std::shared_ptr<ByteStream> stream, std::size_t count,
                                          std::size_t at_once = 100'000) {
  std::string bytes;
  std::string chunk(at_once, '\0');
  while (bytes.size() < count) {
    PS_CO_TRY(const std::size_t n,
              co_await stream->read_some({chunk.data(), std::min(at_once, count - bytes.size())}));
    bytes.append(chunk, 0, n);
  }
  co_return bytes;
}

/// What arrives at `reader` when `bytes` are written at `writer`, in pieces of all sizes.
inline Task<Result<>> write_pieces(std::shared_ptr<ByteStream> stream, std::string bytes) {
  std::minstd_rand random{4711};
  std::vector<std::string_view> pieces;
  for (std::string_view rest = bytes; !rest.empty(); rest.remove_prefix(pieces.back().size()))
    pieces.push_back(rest.substr(0, random() % 50'000));
  co_return co_await stream->write(pieces);
}
inline Task<Result<std::string>> carry(std::shared_ptr<ByteStream> writer, std::shared_ptr<ByteStream> reader,
                                       std::string bytes) {
  using namespace boost::asio::experimental::awaitable_operators;
  const std::size_t count = bytes.size();
  auto [written, read] = co_await (write_pieces(writer, std::move(bytes)) && read_all(reader, count));
  PS_CO_TRY(written);
  co_return read;
}

/// Bytes that zstd makes half as long.
inline std::string some_bytes(std::size_t count, unsigned seed = 1) {
  std::minstd_rand random{seed};
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>('a' + (random() >> 8) % 16);
  return bytes;
}

}  // namespace penstock::net
