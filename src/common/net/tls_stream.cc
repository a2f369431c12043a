// OpenSSL never sees the socket: it reads what has arrived from memory and writes into memory what is to go
// out, so reading and writing do not wait for each other, and a large write is few system calls.
#include "common/net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/net/tls_error.h"

namespace penstock::net {
namespace {

constexpr std::size_t kReceiveBytes = 64 << 10;
constexpr std::size_t kEncryptBytes = 128 << 10;  ///< before they are sent
constexpr std::size_t kKeepBytes = 16 << 10;      ///< an idle link holds little

TlsStream::Pipe& pipe_of(BIO* bio) {
  return *static_cast<TlsStream::Pipe*>(BIO_get_data(bio));
}
int pipe_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  std::string_view& unread = pipe_of(bio).unread;
  if (unread.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(unread.size(), static_cast<std::size_t>(size));
  std::memcpy(into, unread.data(), n);
  unread.remove_prefix(n);
  return static_cast<int>(n);
}
int pipe_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  pipe_of(bio).unsent.append(bytes, static_cast<std::size_t>(size));
  return size;
}
long pipe_control(BIO*, int what, long, void*) {
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* new_bio(TlsStream::Pipe* pipe) {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe");
    PS_CHECK(method != nullptr, "OpenSSL has memory");
    BIO_meth_set_read(method, pipe_read);
    BIO_meth_set_write(method, pipe_write);
    BIO_meth_set_ctrl(method, pipe_control);
    return method;
  }();
  BIO* bio = BIO_new(kMethod);
  PS_CHECK(bio != nullptr, "OpenSSL has memory");
  BIO_set_data(bio, pipe);
  BIO_set_init(bio, 1);
  return bio;
}

/// An address is compared with the addresses in a certificate, a name with the names.
bool expect_peer(SSL* ssl, const std::string& who) {
  boost::system::error_code no_address;
  boost::asio::ip::make_address(who, no_address);
  if (!no_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), who.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, who.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, who.c_str()) == 1;
}

std::string why_refused(const SSL* ssl) {
  const long verdict = SSL_get_verify_result(ssl);
  std::string why = tls_error("the handshake failed");
  if (verdict != X509_V_OK) why += std::string(": ") + X509_verify_cert_error_string(verdict);
  return why;
}

}  // namespace

std::string tls_error(std::string_view otherwise) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string text = "TLS: " + (reason ? std::string(reason) : std::string(otherwise));
  ERR_clear_error();
  return text;
}

TlsStream::TlsStream(Executor executor, std::shared_ptr<ByteStream> inner, const TlsContext& context)
    : inner_(std::move(inner)),
      ssl_(SSL_new(context.current()), SSL_free),
      received_(std::make_unique_for_overwrite<char[]>(kReceiveBytes)),
      flush_turn_(std::move(executor)) {
  PS_CHECK(ssl_ != nullptr, "OpenSSL has memory");
  BIO* bio = new_bio(&pipe_);
  SSL_set_bio(ssl_.get(), bio, bio);
}

std::shared_ptr<TlsStream> TlsStream::to_server(Executor executor, std::shared_ptr<ByteStream> inner,
                                                const TlsContext& context) {
  std::shared_ptr<TlsStream> stream(new TlsStream(std::move(executor), std::move(inner), context));
  SSL* ssl = stream->ssl_.get();
  SSL_set_connect_state(ssl);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  const std::string& name = context.options().server_name;
  PS_CHECK(expect_peer(ssl, name.empty() ? stream->peer().host : name), "a name to verify can be set");
  return stream;
}

std::shared_ptr<TlsStream> TlsStream::to_client(Executor executor, std::shared_ptr<ByteStream> inner,
                                                const TlsContext& context) {
  std::shared_ptr<TlsStream> stream(new TlsStream(std::move(executor), std::move(inner), context));
  SSL_set_accept_state(stream->ssl_.get());
  SSL_set_verify(stream->ssl_.get(),
                 context.options().require_client_cert ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                                       : SSL_VERIFY_NONE,
                 nullptr);
  return stream;
}

Task<Result<>> TlsStream::handshake() {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const bool refused = done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ;
    const std::string why = refused ? why_refused(ssl_.get()) : "";
    const auto flushed = co_await flush();  // the peer is told why
    if (refused) {
      close();
      co_return fail(Errc::refused, why);
    }
    if (!flushed || done == 1) co_return flushed;
    PS_CO_TRY(co_await fill());
  }
}

Task<Result<std::size_t>> TlsStream::read_some(std::span<char> into) {
  std::size_t total = 0;
  for (;;) {
    ERR_clear_error();
    std::size_t n = 0;  // of one record
    const int done = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &n);
    total += n;
    if (done == 1 && total < into.size()) continue;
    if (total > 0) break;
    const int why = SSL_get_error(ssl_.get(), done);
    if (why != SSL_ERROR_WANT_READ) {
      const std::string text = tls_error("broken");
      close();
      co_return why == SSL_ERROR_ZERO_RETURN ? fail(Errc::io, "closed by the peer")
                                             : fail(Errc::protocol, text);
    }
    PS_CO_TRY(co_await fill());
  }
  // Only the answer to a change of keys. Who is writing takes it along.
  if (!pipe_.unsent.empty() && !flushing_) {
    PS_CO_TRY(co_await flush());
  }
  plain_in_ += total;
  co_return total;
}

Task<Result<>> TlsStream::write(std::span<const std::string_view> pieces) {
  for (std::string_view piece : pieces) {
    plain_out_ += piece.size();
    while (!piece.empty()) {
      ERR_clear_error();
      std::size_t n = 0;
      const std::string_view part = piece.substr(0, kEncryptBytes);
      if (SSL_write_ex(ssl_.get(), part.data(), part.size(), &n) != 1) {
        close();
        co_return fail(Errc::protocol, tls_error("broken"));
      }
      piece.remove_prefix(n);
      if (pipe_.unsent.size() < kEncryptBytes) continue;
      PS_CO_TRY(co_await flush());
    }
  }
  co_return co_await flush();
}

Task<Result<>> TlsStream::fill() {
  PS_CO_TRY(const std::size_t n, co_await inner_->read_some({received_.get(), kReceiveBytes}));
  pipe_.unread = {received_.get(), n};
  co_return success();
}

Task<Result<>> TlsStream::flush() {
  PS_CO_TRY(const auto turn, co_await flush_turn_.take());
  struct Flushing {
    bool& flag;
    ~Flushing() { flag = false; }
  } flushing{flushing_};
  flushing_ = true;
  while (!pipe_.unsent.empty()) {
    sending_.clear();
    sending_.swap(pipe_.unsent);
    const std::string_view piece = sending_;
    PS_CO_TRY(co_await inner_->write(std::span(&piece, 1)));
  }
  if (sending_.capacity() > kKeepBytes) sending_ = {};
  co_return success();
}

LinkFacts TlsStream::facts() const {
  LinkFacts facts = inner_->facts();
  facts.tls = true;
  facts.plain_in = plain_in_;
  facts.plain_out = plain_out_;
  return facts;
}

}  // namespace penstock::net
