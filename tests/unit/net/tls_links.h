// Both ends of a TLS connection.
#pragma once

#include "common/net/tls_stream.h"
#include "links.h"
#include "support/certificates.h"

namespace penstock::net {

/// What both sides of a test have: a certificate for 127.0.0.1 of one authority.
inline TlsOptions tls_options(const test::Authority& authority, const std::string& name,
                              const test::Authority::Wish& wish = {}) {
  const auto files = authority.issue(name, wish);
  TlsOptions options;
  options.cert_file = files.cert;
  options.key_file = files.key;
  options.ca_file = authority.ca_file();
  return options;
}

inline std::unique_ptr<TlsContext> load(TlsOptions options) {
  auto loaded = TlsContext::load(std::move(options));
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return std::move(loaded).value();
}

struct TlsLink {
  std::shared_ptr<TlsStream> client, server;
};
inline TlsLink tls_ends(boost::asio::io_context& loop, const TlsContext& client, const TlsContext& server) {
  const Link link = connect_both(loop);
  return {TlsStream::to_server(loop.get_executor(), link.client, client),
          TlsStream::to_client(loop.get_executor(), link.server, server)};
}

struct Handshakes {
  Result<> client = success(), server = success();
};
inline Task<Handshakes> shake(std::shared_ptr<TlsStream> client, std::shared_ptr<TlsStream> server) {
  using namespace boost::asio::experimental::awaitable_operators;
  Handshakes done;
  std::tie(done.client, done.server) = co_await (within(kLimit, "client", client->handshake()) &&
                                                 within(kLimit, "server", server->handshake()));
  co_return done;
}

/// With both handshakes done.
inline TlsLink tls_link(boost::asio::io_context& loop, const TlsContext& client, const TlsContext& server) {
  TlsLink link = tls_ends(loop, client, server);
  const Handshakes done = test::run(loop, shake(link.client, link.server));
  if (!done.client) throw std::runtime_error("client: " + done.client.error().message);
  if (!done.server) throw std::runtime_error("server: " + done.server.error().message);
  return link;
}

}  // namespace penstock::net
