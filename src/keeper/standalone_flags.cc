#include "keeper/standalone_flags.h"

#include <map>
#include <set>
#include <tuple>

#include "common/config/secret.h"
#include "common/net/zstd_frames.h"
#include "keeper/core/rdb_version.h"
#include "keeper/options.h"

namespace penstock::keeper {
namespace {

Error of_flag(const std::string& flag, const Error& error) {
  return {Errc::invalid_argument, flag + ": " + error.message};
}

}  // namespace

void LinkFlags::add_to(CLI::App& app) {
  app.add_option("--tls-cert-file", tls.cert_file, "certificate (PEM); those who connect may speak TLS then");
  app.add_option("--tls-key-file", tls.key_file, "its key (PEM)");
  app.add_option("--tls-ca-file", tls.ca_file, "who signs for those whom the keeper believes (PEM)");
  app.add_option("--tls-plain-from", plain_from, "address range that may connect without TLS all the same");
  app.add_flag("--tls-no-client-cert", no_client_cert, "those who connect need no certificate");
  app.add_option("--tls-server-name", tls.server_name,
                 "DNS name in the upstream's certificate, instead of its address");
  app.add_flag("--upstream-tls", upstream_tls, "speak TLS to the upstream");
  app.add_flag("--upstream-zstd", upstream_zstd, "ask the upstream, when it is a keeper, to compress");
  app.add_option("--zstd-level", zstd_level, "for keepers that ask for it; 0: never")
      ->check(CLI::Range(0, net::kZstdLevelMax));
}

Result<LinkOptions> LinkFlags::read() {
  const std::set any{UpstreamKind::master, UpstreamKind::own_dc, UpstreamKind::other_dc};
  LinkOptions links;
  links.zstd_level = zstd_level;
  if (upstream_zstd) links.zstd_to = any;
  if (upstream_tls) links.tls_to = any;
  for (const auto& text : plain_from) {
    PS_TRY(const auto network, net::Network::parse(text));
    links.plain_from.push_back(network);
  }
  tls.require_client_cert = !no_client_cert;
  if (upstream_tls || !tls.cert_file.empty() || !tls.key_file.empty() || !tls.ca_file.empty()) {
    PS_TRY(links.tls, net::TlsContext::load(tls));
  }
  return links;
}

void StandaloneFlags::add_to(CLI::App& app) {
  app.add_flag("--standalone", standalone, "run one keeper, without ZooKeeper");
  app.add_option("--listen", listen, "ip:port to serve replicas at")->required();
  app.add_option("--upstream", upstream, "ip:port of the master or keeper to follow");
  app.add_option("--data", data, "directory of RDB and log")->required();
  app.add_option("--user", user, "what the keeper says to the upstream, with --password-file");
  app.add_option("--password-file", password_file, "file that holds the upstream's password");
  app.add_option("--required-password-file", required_password_file,
                 "file that holds the password that replicas have to say");
  app.add_option("--announce-version", version,
                 "REPLCONF version for the upstream: the oldest Valkey behind this");
  app.add_option("--repl-timeout", repl_timeout_s, "seconds after which a silent peer is dropped")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--segment-mb", segment_mb, "size of a log segment")->check(CLI::Range(1, 4096));
  app.add_option("--log-mb", log_mb, "budget of the log")->check(CLI::Range(2, 1 << 20));
  app.add_option("--rdb-mb", rdb_mb, "size of the largest RDB that is taken; 0: of any size");
  app.add_option("--fsync", fsync, "when the log is synced: everysec, always, no")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, StoreOptions::Fsync>{{"everysec", StoreOptions::Fsync::everysec},
                                                     {"always", StoreOptions::Fsync::always},
                                                     {"no", StoreOptions::Fsync::no}}));
  app.add_option("--log-level", log_level, "debug, info, warn, error");
  links.add_to(app);
}

Result<> StandaloneFlags::read_peers(StandaloneOptions* options) const {
  auto listen_address = parse_address(listen);
  if (!listen_address) return fail(of_flag("--listen", listen_address.error()));
  options->listen = listen_address.value();
  if (upstream.empty()) return success();
  auto upstream_address = parse_address(upstream);
  if (!upstream_address) return fail(of_flag("--upstream", upstream_address.error()));
  options->upstream = upstream_address.value();
  return success();
}

Result<> StandaloneFlags::read_secrets(StandaloneOptions* options) const {
  options->user = user;
  if (!user.empty() && password_file.empty())
    return fail(Errc::invalid_argument, "--user: needs --password-file");
  for (const auto& [flag, file, secret] :
       {std::tuple("--password-file", &password_file, &options->password),
        std::tuple("--required-password-file", &required_password_file, &options->required_password)}) {
    if (file->empty()) continue;
    auto read = config::read_secret(*file);
    if (!read) return fail(of_flag(flag, read.error()));
    *secret = read.value();
  }
  return success();
}

Result<StandaloneOptions> StandaloneFlags::read() {
  StandaloneOptions options;
  PS_TRY(read_peers(&options));
  PS_TRY(read_secrets(&options));
  options.data = data;
  if (!version.empty() && !announced_version(version))
    return fail(Errc::invalid_argument, "--announce-version: must be a version as Valkey has them: 8.1.0");
  options.announce_version = version;
  options.repl_timeout = std::chrono::seconds(repl_timeout_s);
  auto link_options = links.read();
  if (!link_options) return fail(of_flag("TLS", link_options.error()));
  options.links = link_options.value();
  options.store.segment_bytes = segment_mb << 20;
  options.store.log_bytes_max = log_mb << 20;
  if (rdb_mb > 0) options.store.rdb_bytes_max = rdb_mb << 20;
  options.store.fsync = fsync;
  return options;
}

}  // namespace penstock::keeper
