// TLS around another stream.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/lock.h"
#include "common/net/byte_stream.h"
#include "common/net/tls_context.h"

struct ssl_st;

namespace penstock::net {

/// handshake() comes first, and its deadline is the caller's.
class TlsStream final : public ByteStream {
 public:
  /// We connect: the peer's certificate must be signed by our authority and bear the peer's address (or the
  /// name that `context` says).
  static std::shared_ptr<TlsStream> to_server(Executor executor, std::shared_ptr<ByteStream> inner,
                                              const TlsContext& context);
  /// The peer has connected to us.
  static std::shared_ptr<TlsStream> to_client(Executor executor, std::shared_ptr<ByteStream> inner,
                                              const TlsContext& context);

  /// refused: one of us does not believe the other, or the peer does not speak TLS.
  Task<Result<>> handshake();

  Task<Result<std::size_t>> read_some(std::span<char> into) override;
  Task<Result<>> write(std::span<const std::string_view> pieces) override;
  void close() override { inner_->close(); }
  Address peer() const override { return inner_->peer(); }
  LinkFacts facts() const override;

  /// The two ends of the pipe at which OpenSSL works.
  struct Pipe {
    std::string_view unread;  ///< has arrived
    std::string unsent;       ///< is to go out
  };

 private:
  TlsStream(Executor executor, std::shared_ptr<ByteStream> inner, const TlsContext& context);
  Task<Result<>> fill();
  Task<Result<>> flush();

  std::shared_ptr<ByteStream> inner_;
  Pipe pipe_;
  std::shared_ptr<ssl_st> ssl_;
  std::unique_ptr<char[]> received_;
  std::string sending_;  ///< what flush() is writing, while more may be put into the pipe
  bool flushing_ = false;
  Lock flush_turn_;
  std::uint64_t plain_in_ = 0, plain_out_ = 0;
};

}  // namespace penstock::net
