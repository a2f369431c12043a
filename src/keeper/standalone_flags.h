// The command line of one keeper alone.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "keeper/standalone.h"

namespace penstock::keeper {

/// What it is told of TLS and compression.
struct LinkFlags {
  net::TlsOptions tls;
  std::vector<std::string> plain_from;
  bool no_client_cert = false, upstream_tls = false, upstream_zstd = false;
  int zstd_level = 1;

  void add_to(CLI::App& app);
  Result<LinkOptions> read();
};

struct StandaloneFlags {
  bool standalone = false;
  std::string listen, upstream, data, user, password_file, required_password_file, version;
  std::string log_level = "info";
  StoreOptions::Fsync fsync = StoreOptions::Fsync::everysec;
  int repl_timeout_s = 60;
  std::uint64_t segment_mb = 64, log_mb = 1024, rdb_mb = 0;
  LinkFlags links;

  void add_to(CLI::App& app);
  /// After app.parse(). The error names the flag.
  Result<StandaloneOptions> read();

 private:
  Result<> read_peers(StandaloneOptions* options) const;
  Result<> read_secrets(StandaloneOptions* options) const;
};

}  // namespace penstock::keeper
