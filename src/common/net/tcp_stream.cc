#include "common/net/tcp_stream.h"

#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

/// What one system call is given. async_write() would hand over 64 KiB at a time.
class Batch {
 public:
  static constexpr std::size_t kBytesMax = 1 << 20;

  /// The first of `pieces`, of which `done` bytes of the first have gone out.
  std::span<const asio::const_buffer> of(std::span<const std::string_view> pieces, std::size_t done) {
    std::size_t count = 0, bytes = 0;
    while (count < buffers_.size() && count < pieces.size() && bytes < kBytesMax) {
      const std::string_view rest = count == 0 ? pieces[0].substr(done) : pieces[count];
      buffers_[count++] = asio::buffer(rest.data(), rest.size());
      bytes += rest.size();
    }
    return {buffers_.data(), count};
  }

 private:
  std::array<asio::const_buffer, 16> buffers_;
};

}  // namespace

TcpStream::TcpStream(tcp::socket connected) : socket_(std::move(connected)) {
  boost::system::error_code error;
  const tcp::endpoint endpoint = socket_.remote_endpoint(error);
  if (!error) peer_ = {endpoint.address().to_string(), endpoint.port()};
  set_options();
}

void TcpStream::set_options() {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
}

void TcpStream::give_up_after(Millis unacknowledged) {
  using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
  boost::system::error_code ignored;
  socket_.set_option(UserTimeout(static_cast<int>(unacknowledged.count())), ignored);
}

Task<Result<>> TcpStream::connect(Address peer) {
  boost::system::error_code error;
  const auto host = asio::ip::make_address(peer.host, error);
  if (error) co_return fail(Errc::invalid_argument, "'" + peer.host + "' is not a numeric address");
  peer_ = peer;
  auto [refused] = co_await socket_.async_connect({host, peer.port}, kAsTuple);
  if (refused) co_return fail(Errc::unavailable, "connect: " + failed(refused).message);
  set_options();
  co_return success();
}

Task<Result<char>> TcpStream::peek() {
  auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kAsTuple);
  char first = 0;
  if (!error) socket_.receive(asio::buffer(&first, 1), tcp::socket::message_peek, error);
  if (error) co_return fail(failed(error));
  co_return first;
}

Task<Result<std::size_t>> TcpStream::read_some(std::span<char> into) {
  auto [error, n] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), kAsTuple);
  if (error) co_return fail(failed(error));
  in_ += n;
  co_return n;
}

Task<Result<>> TcpStream::write(std::span<const std::string_view> pieces) {
  Batch batch;
  std::size_t done = 0;  // of the first piece
  while (!pieces.empty()) {
    auto [error, n] = co_await socket_.async_write_some(batch.of(pieces, done), kAsTuple);
    if (error) co_return fail(failed(error));
    out_ += n;
    for (done += n; !pieces.empty() && done >= pieces.front().size(); pieces = pieces.subspan(1))
      done -= pieces.front().size();
  }
  co_return success();
}

std::size_t TcpStream::write_now(std::span<const std::string_view> pieces) {
  Batch batch;
  boost::system::error_code error;
  const std::size_t n = socket_.write_some(batch.of(pieces, 0), error);
  if (error && error != asio::error::would_block) close();
  out_ += n;
  return n;
}

/// Aborted while the socket is still open is the task's own cancellation.
Error TcpStream::failed(const boost::system::error_code& error) {
  if (!socket_.is_open()) return {Errc::io, "the link was closed"};
  if (error == asio::error::operation_aborted) return {Errc::cancelled, "stopping"};
  close();
  return {Errc::io, error == asio::error::eof ? "closed by the peer" : error.message()};
}

void TcpStream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

LinkFacts TcpStream::facts() const {
  LinkFacts facts;
  facts.plain_in = facts.wire_in = in_;
  facts.plain_out = facts.wire_out = out_;
  return facts;
}

}  // namespace penstock::net
