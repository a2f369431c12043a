#include "common/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "common/net/tls_error.h"

namespace penstock::net {
namespace {

constexpr log::Logger kLog{"tls"};
constexpr Millis kRefresh{1'000};

/// A key with a passphrase is an error, not a question on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<std::shared_ptr<ssl_ctx_st>> build(const TlsOptions& options) {
  const auto unusable = [](const std::string& file) {
    return fail(Errc::invalid_argument, file + ": " + tls_error("not usable"));
  };
  ERR_clear_error();
  std::shared_ptr<ssl_ctx_st> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  if (!context) return fail(Errc::internal, tls_error("no TLS context"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2
  // Links live for weeks: resuming a session saves nothing, and would pass by the check of a certificate.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (!options.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), options.cert_file.c_str()) != 1)
      return unusable(options.cert_file);
    if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1)
      return unusable(options.key_file);
  }
  if (!options.ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1)
      return unusable(options.ca_file);
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.ca_file.c_str()));
  }
  return context;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::load(TlsOptions options) {
  if (options.cert_file.empty() != options.key_file.empty())
    return fail(Errc::invalid_argument, "a certificate needs its key, and a key its certificate");
  if (options.ca_file.empty())
    return fail(Errc::invalid_argument, "a CA file is needed to tell whom to believe");
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(options)));
  context->seen_ = context->stamps();
  PS_TRY(context->current_, build(context->options_));
  return context;
}

TlsContext::Stamps TlsContext::stamps() const {
  Stamps stamps;
  const std::array files{&options_.cert_file, &options_.key_file, &options_.ca_file};
  for (std::size_t i = 0; i < files.size(); ++i) {
    struct stat about{};
    if (files[i]->empty() || ::stat(files[i]->c_str(), &about) != 0) continue;
    stamps[i] = {about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
  }
  return stamps;
}

/// A certificate that was replaced before its key was does not fit to it; the key changes next.
Result<bool> TlsContext::refresh() {
  const Stamps now = stamps();
  if (now == seen_) return false;
  seen_ = now;
  PS_TRY(current_, build(options_));
  return true;
}

Task<void> TlsContext::run_refresh() {
  for (;;) {
    if (auto slept = co_await sleep_for(kRefresh); !slept) co_return;
    const auto refreshed = refresh();
    if (!refreshed) {
      kLog.error("changed certificate files are not usable, the old ones stay in use",
                 {{"why", refreshed.error().message}});
    } else if (refreshed.value()) {
      kLog.info("certificates were loaded again", {{"cert", options_.cert_file}, {"ca", options_.ca_file}});
    }
  }
}

}  // namespace penstock::net
