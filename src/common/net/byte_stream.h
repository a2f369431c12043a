// A connection as its users see it: bytes in, bytes out. What stands in between (TLS, compression) is a
// stream around another one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/async/task.h"
#include "common/base/address.h"

namespace penstock::net {

/// Bytes that have been carried. `wire` is what sockets saw, `plain` what the users of streams gave and got.
struct Traffic {
  std::uint64_t plain_in = 0, plain_out = 0, wire_in = 0, wire_out = 0;

  Traffic& operator+=(const Traffic& other) {
    plain_in += other.plain_in;
    plain_out += other.plain_out;
    wire_in += other.wire_in;
    wire_out += other.wire_out;
    return *this;
  }
};

struct LinkFacts : Traffic {
  bool tls = false, zstd = false;
};

/// Belongs to one loop. One read and one write may be under way at a time, side by side; close() ends both.
/// A stream that has failed is closed, so whatever is asked of it later fails at once (Asio reports an error
/// of a socket only once and then waits for ever). Whoever waits for a stream keeps it alive.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// At least one byte. io: the link has ended; protocol, corrupt: the peer sent nonsense. A read whose task
  /// is cancelled ends with Errc::cancelled; what it may have read is lost, so a cancelled read is the end of
  /// the link.
  virtual Task<Result<std::size_t>> read_some(std::span<char> into) = 0;
  /// All of it, and nothing is held back. The bytes and the array of pieces stay the caller's meanwhile.
  virtual Task<Result<>> write(std::span<const std::string_view> pieces) = 0;
  /// What goes out without waiting: from the first byte on, how many. Only while no write is under way. None
  /// is no error: write() says what is wrong.
  virtual std::size_t write_now(std::span<const std::string_view> /*pieces*/) { return 0; }
  /// At once and for good. Says no farewell: the protocols we speak say themselves where a message ends, and
  /// every end of a link is one that the peer has to expect.
  virtual void close() = 0;

  virtual Address peer() const = 0;
  virtual LinkFacts facts() const = 0;
};

/// For those who have neither the stream nor the bytes for as long as it takes.
inline Task<Result<>> write_bytes(std::shared_ptr<ByteStream> stream, std::string bytes) {
  const std::string_view piece = bytes;
  co_return co_await stream->write(std::span(&piece, 1));
}

}  // namespace penstock::net
