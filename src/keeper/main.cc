// penstock-keeper: a keeper host (--config FILE), or one keeper alone (--standalone).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "common/daemon/daemon.h"
#include "common/net/zstd_frames.h"
#include "keeper/core/rdb_version.h"
#include "keeper/host.h"
#include "keeper/options.h"
#include "keeper/standalone.h"

namespace {

namespace daemon = penstock::daemon;
namespace keeper = penstock::keeper;

constexpr int kWrongUse = 2;

int wrong_use(const std::string& what) {
  std::fprintf(stderr, "penstock-keeper: %s\n", what.c_str());
  return kWrongUse;
}

/// What a standalone keeper is told of TLS and compression.
struct LinkFlags {
  penstock::net::TlsOptions tls;
  std::vector<std::string> plain_from;
  bool no_client_cert = false, upstream_tls = false, upstream_zstd = false;
  int zstd_level = 1;

  void add_to(CLI::App& app) {
    app.add_option("--tls-cert-file", tls.cert_file,
                   "certificate (PEM); those who connect may speak TLS then");
    app.add_option("--tls-key-file", tls.key_file, "its key (PEM)");
    app.add_option("--tls-ca-file", tls.ca_file, "who signs for those whom the keeper believes (PEM)");
    app.add_option("--tls-plain-from", plain_from, "address range that may connect without TLS all the same");
    app.add_flag("--tls-no-client-cert", no_client_cert, "those who connect need no certificate");
    app.add_option("--tls-server-name", tls.server_name,
                   "DNS name in the upstream's certificate, instead of its address");
    app.add_flag("--upstream-tls", upstream_tls, "speak TLS to the upstream");
    app.add_flag("--upstream-zstd", upstream_zstd, "ask the upstream, when it is a keeper, to compress");
    app.add_option("--zstd-level", zstd_level, "for keepers that ask for it; 0: never")
        ->check(CLI::Range(0, penstock::net::kZstdLevelMax));
  }

  penstock::Result<keeper::LinkOptions> read() {
    using keeper::UpstreamKind;
    const std::set any{UpstreamKind::master, UpstreamKind::own_dc, UpstreamKind::other_dc};
    keeper::LinkOptions links;
    links.zstd_level = zstd_level;
    if (upstream_zstd) links.zstd_to = any;
    if (upstream_tls) links.tls_to = any;
    for (const auto& text : plain_from) {
      PS_TRY(const auto network, penstock::net::Network::parse(text));
      links.plain_from.push_back(network);
    }
    tls.require_client_cert = !no_client_cert;
    if (upstream_tls || !tls.cert_file.empty() || !tls.key_file.empty() || !tls.ca_file.empty()) {
      PS_TRY(links.tls, penstock::net::TlsContext::load(tls));
    }
    return links;
  }
};

int run_standalone(int argc, char** argv) {
  CLI::App app{"penstock-keeper --standalone: a disk-backed replication relay"};
  std::string listen, upstream, data, user, password_file, required_password_file, version, level = "info";
  using Fsync = keeper::StoreOptions::Fsync;
  Fsync fsync = Fsync::everysec;
  int repl_timeout_s = 60;
  std::uint64_t segment_mb = 64, log_mb = 1024, rdb_mb = 0;
  bool standalone = false;
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
      ->transform(CLI::CheckedTransformer(std::map<std::string, Fsync>{
          {"everysec", Fsync::everysec}, {"always", Fsync::always}, {"no", Fsync::no}}));
  app.add_option("--log-level", level, "debug, info, warn, error");
  LinkFlags link_flags;
  link_flags.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return wrong_use(error.what());
  }
  keeper::StandaloneOptions options;
  auto listen_address = penstock::parse_address(listen);
  if (!listen_address) return wrong_use("--listen: " + listen_address.error().message);
  options.listen = listen_address.value();
  if (!upstream.empty()) {
    auto upstream_address = penstock::parse_address(upstream);
    if (!upstream_address) return wrong_use("--upstream: " + upstream_address.error().message);
    options.upstream = upstream_address.value();
  }
  options.data = data;
  options.user = user;
  if (!user.empty() && password_file.empty()) return wrong_use("--user: needs --password-file");
  for (const auto& [flag, file, secret] :
       {std::tuple("--password-file", &password_file, &options.password),
        std::tuple("--required-password-file", &required_password_file, &options.required_password)}) {
    if (file->empty()) continue;
    auto read = keeper::read_secret(*file);
    if (!read) return wrong_use(std::string(flag) + ": " + read.error().message);
    *secret = read.value();
  }
  if (!version.empty() && !keeper::announced_version(version))
    return wrong_use("--announce-version: must be a version as Valkey has them: 8.1.0");
  options.announce_version = version;
  options.repl_timeout = std::chrono::seconds(repl_timeout_s);
  auto links = link_flags.read();
  if (!links) return wrong_use("TLS: " + links.error().message);
  options.links = links.value();
  options.store.segment_bytes = segment_mb << 20;
  options.store.log_bytes_max = log_mb << 20;
  if (rdb_mb > 0) options.store.rdb_bytes_max = rdb_mb << 20;
  options.store.fsync = fsync;
  penstock::log::Options log;
  log.level = level;
  return daemon::run_until_signalled("penstock-keeper", log, [&](penstock::Executor executor) {
    return std::make_unique<keeper::Standalone>(std::move(executor), options);
  });
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--standalone") return run_standalone(argc, argv);
  keeper::HostOptions options;
  daemon::Spec spec;
  spec.name = "penstock-keeper";
  spec.read_config = [&options](penstock::config::Reader& reader) { options = keeper::read_options(reader); };
  spec.build = [&options](penstock::Executor executor) {
    return std::make_unique<keeper::Host>(std::move(executor), options);
  };
  return daemon::run_daemon(argc, argv, spec);
}
