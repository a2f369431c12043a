// How a keeper's links are made: with TLS or without, compressed or not.
#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/net/network.h"
#include "common/net/tcp_stream.h"
#include "common/net/tls_context.h"
#include "keeper/core/upstream_kind.h"

namespace penstock::keeper {

struct LinkOptions {
  std::shared_ptr<net::TlsContext> tls;  ///< none: nobody speaks TLS
  /// With a certificate of our own: who may come without TLS. With TLS anybody may come who is believed.
  std::vector<net::Network> plain_from;
  std::set<UpstreamKind> tls_to, zstd_to;  ///< which upstreams are spoken to so
  int zstd_level = 0;                      ///< of what keepers get that ask for it; 0: they are told no
};

/// Connects `tcp`, and goes on with TLS when `tls` is there; each has `limit`. From the first moment on
/// `stream` is what has to be closed to end it.
Task<Result<>> dial(std::shared_ptr<net::TcpStream> tcp, Address upstream,
                    std::shared_ptr<net::TlsContext> tls, Millis limit,
                    std::shared_ptr<net::ByteStream>* stream);

/// Who has connected to us with `tcp`: the first byte says whether it speaks TLS. Who is refused is told why.
/// For how long this may take is the caller's to say. `options` must outlive the task.
Task<Result<std::shared_ptr<net::ByteStream>>> welcome(std::shared_ptr<net::TcpStream> tcp,
                                                       const LinkOptions* options);

/// "REPLCONF penstock-stream zstd", which only a keeper understands, and the one answer that is agreement:
/// what is sent after the answer to PSYNC is compressed.
inline constexpr std::string_view kStreamOption = "penstock-stream", kZstd = "zstd", kZstdAgreed = "+zstd";

}  // namespace penstock::keeper
