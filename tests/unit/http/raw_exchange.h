// What a peer without manners does on a socket.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "common/async/within.h"

namespace penstock::http {

inline constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

inline Task<Result<boost::asio::ip::tcp::socket>> raw_connect(std::uint16_t port) {
  boost::asio::ip::tcp::socket socket(co_await boost::asio::this_coro::executor);
  auto [refused] = co_await socket.async_connect({boost::asio::ip::address_v4::loopback(), port}, kAsTuple);
  if (refused) co_return fail(Errc::io, "connect");
  co_return socket;
}

/// Everything until the server closes.
inline Task<Result<std::string>> raw_read(boost::asio::ip::tcp::socket* socket) {
  std::string answer;
  [[maybe_unused]] auto [end, n] =
      co_await boost::asio::async_read(*socket, boost::asio::dynamic_buffer(answer), kAsTuple);
  co_return answer;
}

inline Task<Result<>> raw_write(boost::asio::ip::tcp::socket* socket, std::string bytes) {
  auto [error, n] = co_await boost::asio::async_write(*socket, boost::asio::buffer(bytes), kAsTuple);
  if (error) co_return fail(Errc::io, "write");
  co_return success();
}

/// Sends raw bytes, reads until the server closes.
inline Task<Result<std::string>> raw_exchange(std::uint16_t port, std::string bytes) {
  PS_CO_TRY(auto socket, co_await raw_connect(port));
  PS_CO_TRY(co_await raw_write(&socket, std::move(bytes)));
  co_return co_await raw_read(&socket);
}

}  // namespace penstock::http
