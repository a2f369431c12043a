#include "keeper/links.h"

#include <algorithm>
#include <array>

#include "common/async/within.h"
#include "common/net/tls_stream.h"

namespace penstock::keeper {
namespace {

constexpr char kTlsHandshake = 0x16;  ///< no command begins so

/// What the peer has said is read: closing a socket with bytes unread would take back what we say.
Task<Result<std::shared_ptr<net::ByteStream>>> refuse(std::shared_ptr<net::TcpStream> tcp, std::string why) {
  std::array<char, 4096> unheard;
  PS_CO_TRY(co_await tcp->read_some(unheard));
  PS_CO_TRY(co_await net::write_bytes(tcp, "-ERR " + why + "\r\n"));
  co_return fail(Errc::refused, why);
}

}  // namespace

Task<Result<>> dial(std::shared_ptr<net::TcpStream> tcp, Address upstream,
                    std::shared_ptr<net::TlsContext> tls, Millis limit,
                    std::shared_ptr<net::ByteStream>* stream) {
  *stream = tcp;
  PS_CO_TRY(co_await within(limit, "connect", tcp->connect(std::move(upstream))));
  if (!tls) co_return success();
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto secured = net::TlsStream::to_server(executor, tcp, *tls);
  *stream = secured;
  co_return co_await within(limit, "TLS handshake", secured->handshake());
}

Task<Result<std::shared_ptr<net::ByteStream>>> welcome(std::shared_ptr<net::TcpStream> tcp,
                                                       const LinkOptions* options) {
  if (!options->tls || !options->tls->can_accept()) co_return tcp;
  PS_CO_TRY(const char first, co_await tcp->peek());
  if (first == kTlsHandshake) {
    const Executor executor = co_await boost::asio::this_coro::executor;
    const auto secured = net::TlsStream::to_client(executor, tcp, *options->tls);
    PS_CO_TRY(co_await secured->handshake());
    co_return secured;
  }
  const std::string host = tcp->peer().host;
  const bool allowed = std::ranges::any_of(options->plain_from,
                                           [&host](const auto& network) { return network.contains(host); });
  if (allowed) co_return tcp;
  co_return co_await refuse(tcp, "without TLS nobody is let in from " + host);
}

}  // namespace penstock::keeper
