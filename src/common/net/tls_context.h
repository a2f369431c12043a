// Certificate, key and authority of this process, as its TLS links use them. Files that change are taken over
// for new links; links that stand are not touched.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/async/task.h"

struct ssl_ctx_st;

namespace penstock::net {

struct TlsOptions {
  std::string cert_file, key_file;  ///< PEM; none: this side can connect, but nobody can connect to it
  std::string ca_file;              ///< PEM; who signs for those whom we believe
  bool require_client_cert = true;  ///< of those who connect
  /// DNS name in the certificates of those to whom we connect; empty: each bears the IP address it serves at.
  std::string server_name;
};

/// Belongs to one loop.
class TlsContext {
 public:
  /// invalid_argument names the file that is not usable.
  static Result<std::unique_ptr<TlsContext>> load(TlsOptions options);

  const TlsOptions& options() const { return options_; }
  bool can_accept() const { return !options_.cert_file.empty(); }
  /// What a new link is made with.
  ssl_ctx_st* current() const { return current_.get(); }

  /// Takes the files over when they have changed (true). Files that are not usable are an error, once for
  /// each change; what was loaded before stays in use.
  Result<bool> refresh();
  /// For the owner's task group: refresh() once a second, with a line in the log.
  Task<void> run_refresh();

 private:
  /// What tells one version of a file from another.
  struct Stamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = 0, seconds = 0, nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}
  Stamps stamps() const;

  TlsOptions options_;
  std::shared_ptr<ssl_ctx_st> current_;
  Stamps seen_{};
};

}  // namespace penstock::net
