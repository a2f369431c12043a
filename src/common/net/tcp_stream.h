// A TCP connection.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "common/net/byte_stream.h"

namespace penstock::net {

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(Executor executor) : socket_(std::move(executor)) {}
  explicit TcpStream(boost::asio::ip::tcp::socket connected);

  /// unavailable: nobody answers there. close() ends the attempt.
  Task<Result<>> connect(Address peer);
  /// For one who writes little: the peer's host is gone when nothing was acknowledged for so long.
  void give_up_after(Millis unacknowledged);
  /// The first byte that is to be read, without taking it.
  Task<Result<char>> peek();

  Task<Result<std::size_t>> read_some(std::span<char> into) override;
  Task<Result<>> write(std::span<const std::string_view> pieces) override;
  std::size_t write_now(std::span<const std::string_view> pieces) override;
  void close() override;
  Address peer() const override { return peer_; }
  LinkFacts facts() const override;

 private:
  Error failed(const boost::system::error_code& error);
  void set_options();

  boost::asio::ip::tcp::socket socket_;
  Address peer_;
  std::uint64_t in_ = 0, out_ = 0;
};

}  // namespace penstock::net
