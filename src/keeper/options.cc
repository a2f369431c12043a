#include "keeper/options.h"

#include "common/config/secret.h"
#include "common/net/zstd_frames.h"
#include "common/serve/options.h"
#include "keeper/core/rdb_version.h"

namespace penstock::keeper {
namespace {

/// 0: none.
std::uint64_t read_cap(config::Reader& reader, const std::string& key) {
  const std::uint64_t bytes = reader.bytes(key, 0);
  return bytes == 0 ? kNoDiskCap : bytes;
}

StoreOptions read_store(config::Reader& reader) {
  StoreOptions store;
  store.segment_bytes = reader.bytes("store.segment", store.segment_bytes);
  store.log_bytes_max = reader.bytes("store.log_max", store.log_bytes_max);
  if (store.segment_bytes < (64u << 10)) reader.problem("store.segment", "must be at least 64kb");
  if (store.log_bytes_max < 2 * store.segment_bytes)
    reader.problem("store.log_max", "must be at least two segments");
  store.rdb_bytes_max = read_cap(reader, "store.rdb_max");
  const std::string fsync = reader.string("store.fsync", "everysec");
  if (fsync == "everysec") {
    store.fsync = StoreOptions::Fsync::everysec;
  } else if (fsync == "always") {
    store.fsync = StoreOptions::Fsync::always;
  } else if (fsync == "no") {
    store.fsync = StoreOptions::Fsync::no;
  } else {
    reader.problem("store.fsync", "must be everysec, always or no");
  }
  return store;
}

serve::ConnectionCaps read_caps(config::Reader& reader) {
  serve::ConnectionCaps caps;
  const auto cap = [&reader](const char* key, std::size_t fallback) {
    return static_cast<std::size_t>(reader.integer(key, 1, 1'000'000, static_cast<std::int64_t>(fallback)));
  };
  caps.per_port = cap("connections.per_keeper", caps.per_port);
  caps.per_peer = cap("connections.per_peer", caps.per_peer);
  caps.per_host = cap("connections.per_host", caps.per_host);
  return caps;
}

/// The section [tls]: nothing when it is not there.
std::shared_ptr<net::TlsContext> read_tls(config::Reader& reader, std::vector<net::Network>* plain_from) {
  net::TlsOptions tls;
  tls.cert_file = reader.string("tls.cert_file", "");
  tls.key_file = reader.string("tls.key_file", "");
  tls.ca_file = reader.string("tls.ca_file", "");
  tls.require_client_cert = reader.boolean("tls.require_client_cert", true);
  tls.server_name = reader.string("tls.server_name", "");
  const bool wanted = !tls.cert_file.empty() || !tls.key_file.empty() || !tls.ca_file.empty();
  // Who may still speak plainly is the operator's to say, not ours to guess.
  const std::vector<std::string> nobody;
  const auto networks =
      reader.strings("tls.plain_from", tls.cert_file.empty() ? std::optional(nobody) : std::nullopt);
  for (const auto& text : networks) {
    auto network = net::Network::parse(text);
    if (!network) reader.problem("tls.plain_from", network.error().message);
    if (network) plain_from->push_back(network.value());
  }
  if (!wanted) return nullptr;
  auto context = net::TlsContext::load(std::move(tls));
  if (context) return std::move(context).value();
  reader.problem("tls", context.error().message);
  return nullptr;
}

std::set<UpstreamKind> read_kinds(config::Reader& reader, const std::string& key) {
  std::set<UpstreamKind> kinds;
  for (const auto& word : reader.strings(key, std::vector<std::string>())) {
    const auto kind = upstream_kind_named(word);
    if (!kind) reader.problem(key, "'" + word + "' must be master, own_dc or other_dc");
    if (kind) kinds.insert(*kind);
  }
  return kinds;
}

LinkOptions read_links(config::Reader& reader) {
  LinkOptions links;
  links.tls = read_tls(reader, &links.plain_from);
  links.tls_to = read_kinds(reader, "upstream.tls");
  links.zstd_to = read_kinds(reader, "upstream.zstd");
  links.zstd_level = static_cast<int>(reader.integer("zstd.level", 0, net::kZstdLevelMax, 1));
  if (!links.tls_to.empty() && !links.tls)
    reader.problem("upstream.tls", "needs a usable [tls] with a ca_file");
  if (links.zstd_to.contains(UpstreamKind::master))
    reader.problem("upstream.zstd", "only keepers compress: own_dc, other_dc");
  return links;
}

}  // namespace

HostOptions read_options(config::Reader& reader) {
  HostOptions options;
  options.dc = reader.name("dc");
  options.id = reader.name("id");
  options.data_dir = reader.string("data_dir");
  options.zookeeper_servers = reader.string("zookeeper.servers");
  options.zookeeper_chroot = reader.string("zookeeper.chroot", "/penstock");
  options.zookeeper_session_timeout = reader.duration("zookeeper.session_timeout", Millis{6'000});
  const Address admin = reader.address("admin.listen");
  options.admin_host = admin.host;
  options.admin_port = admin.port;
  options.advertise_host = reader.string("admin.advertise_host", admin.host);
  options.announce_host = reader.string("announce_host", "");
  options.announce_version = reader.string("announce_version", "");
  if (!options.announce_version.empty() && !announced_version(options.announce_version))
    reader.problem("announce_version", "must be a version as Valkey has them: 8.1.0");
  options.repl_timeout = reader.duration("repl_timeout", options.repl_timeout);
  if (options.repl_timeout < Millis{1'000}) reader.problem("repl_timeout", "must be at least 1s");
  options.user = reader.string("auth.user", "");
  options.password = config::read_secret_option(reader, "auth.password_file");
  options.required_password = config::read_secret_option(reader, "auth.required_password_file");
  options.store = read_store(reader);
  options.disk_bytes_max = read_cap(reader, "store.host_max");
  if (options.disk_bytes_max < 2 * options.store.segment_bytes)
    reader.problem("store.host_max", "must be at least two segments");
  options.caps = read_caps(reader);
  options.patience = serve::read_patience(reader, "connections");
  options.links = read_links(reader);
  return options;
}

}  // namespace penstock::keeper
