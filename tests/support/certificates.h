// Throw-away certificates, as PEM files in a directory of their own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "support/temp_dir.h"

struct evp_pkey_st;
struct x509_st;

namespace penstock::test {

class Authority {
 public:
  Authority();

  struct Wish {
    std::string names = "IP:127.0.0.1";  ///< subject alternative names, as OpenSSL writes them
    bool expired = false;
  };
  struct Files {
    std::string cert, key;
  };
  /// <name>.crt and <name>.key in `directory`; what was there is replaced.
  Files issue(const std::filesystem::path& directory, const std::string& name, const Wish& wish) const;
  Files issue(const std::string& name, const Wish& wish) const {
    return issue(directory_.path(), name, wish);
  }
  Files issue(const std::string& name) const { return issue(name, Wish()); }

  std::string ca_file() const { return (directory_.path() / "ca.crt").string(); }

 private:
  TempDir directory_;
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> cert_;
};

}  // namespace penstock::test
