#include "support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace penstock::test {
namespace {

constexpr long kDay = 24 * 3600;

void must(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

void extend(X509* cert, X509* issuer, int extension, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
  must(made != nullptr, "extension");
  X509_add_ext(cert, made, -1);
  X509_EXTENSION_free(made);
}

/// Valid from yesterday; until yesterday when it is to have expired.
std::shared_ptr<X509> unsigned_cert(EVP_PKEY* key, const std::string& name, bool expired) {
  std::shared_ptr<X509> cert(X509_new(), X509_free);
  std::uint64_t serial = 0;
  must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "random");
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), expired ? -kDay : kDay);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return cert;
}

template <class Write>
void write_pem(const std::filesystem::path& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  must(file != nullptr, path.c_str());
  must(write(file) == 1, path.c_str());
  std::fclose(file);
}

}  // namespace

Authority::Authority() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {
  cert_ = unsigned_cert(key_.get(), "an authority of a test", false);
  X509_set_issuer_name(cert_.get(), X509_get_subject_name(cert_.get()));
  extend(cert_.get(), cert_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(cert_.get(), cert_.get(), NID_subject_key_identifier, "hash");
  must(X509_sign(cert_.get(), key_.get(), EVP_sha256()) > 0, "sign");
  write_pem(ca_file(), [&](std::FILE* file) { return PEM_write_X509(file, cert_.get()); });
}

Authority::Files Authority::issue(const std::filesystem::path& directory, const std::string& name,
                                  const Wish& wish) const {
  const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const auto cert = unsigned_cert(key.get(), name, wish.expired);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert_.get()));
  extend(cert.get(), cert_.get(), NID_subject_alt_name, wish.names);
  extend(cert.get(), cert_.get(), NID_authority_key_identifier, "keyid");
  must(X509_sign(cert.get(), key_.get(), EVP_sha256()) > 0, "sign");
  const Files files{(directory / (name + ".crt")).string(), (directory / (name + ".key")).string()};
  write_pem(files.cert, [&](std::FILE* file) { return PEM_write_X509(file, cert.get()); });
  write_pem(files.key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace penstock::test
