#include "metaserver/options.h"

#include <algorithm>

#include "common/config/secret.h"
#include "common/serve/entrance.h"
#include "common/serve/options.h"

namespace penstock::metaserver {
namespace {

void read_timing(config::Reader& reader, Timing& timing) {
  timing.look = reader.duration("timing.look", timing.look);
  timing.probe = reader.duration("timing.probe", timing.probe);
  timing.order = reader.duration("timing.order", timing.order);
  timing.peer = reader.duration("timing.peer", timing.peer);
  timing.ask_peers = reader.duration("timing.ask_peers", timing.ask_peers);
  timing.resync = reader.duration("timing.resync", timing.resync);
  timing.forward = reader.duration("timing.forward", timing.forward);
  if (timing.look < Millis{10}) reader.problem("timing.look", "must be at least 10ms");
  if (timing.probe < Millis{10}) reader.problem("timing.probe", "must be at least 10ms");
}

void read_policy(config::Reader& reader, Policy& policy) {
  policy.keeper_failures_max =
      static_cast<int>(reader.integer("keeper.failures", 1, 100, policy.keeper_failures_max));
  policy.keeper_refusals_max =
      static_cast<int>(reader.integer("keeper.refusals", 1, 100, policy.keeper_refusals_max));
  policy.backlog_bytes_min = static_cast<std::int64_t>(
      reader.bytes("redis.backlog_min", static_cast<std::uint64_t>(policy.backlog_bytes_min)));
  policy.abandoned_switch_ms =
      reader.duration("switch.abandoned_after", Millis{policy.abandoned_switch_ms}).count();
  policy.finished_switch_ms =
      reader.duration("switch.unlock_after", Millis{policy.finished_switch_ms}).count();
  policy.handover_ttl_ms = reader.duration("switch.handover_ttl", Millis{policy.handover_ttl_ms}).count();
}

FaceOptions read_face(config::Reader& reader) {
  FaceOptions face;
  const auto cap = [&reader](const char* key, std::int64_t fallback) {
    return static_cast<std::size_t>(reader.integer(key, 1, 1'000'000, fallback));
  };
  face.host = reader.string("sentinel.host", "127.0.0.1");
  face.port = static_cast<std::uint16_t>(reader.integer("sentinel.port", 0, 65'535, 26'390));
  face.advertise = reader.address("sentinel.advertise", Address{});
  face.password = config::read_secret_option(reader, "sentinel.password_file");
  face.caps.per_port = cap("sentinel.connections", 10'000);
  face.caps.per_peer = cap("sentinel.per_peer", 1'000);
  face.caps.per_host = serve::connections_that_fit();
  face.patience = serve::read_patience(reader, "sentinel");
  return face;
}

}  // namespace

Options read_options(config::Reader& reader) {
  Options options;
  options.id = reader.name("id");
  options.dc = reader.name("dc");
  options.http_host = reader.string("http.host", "127.0.0.1");
  options.http_port = static_cast<std::uint16_t>(reader.integer("http.port", 0, 65'535, 8'190));
  options.advertise = reader.address("http.advertise", Address{});
  options.face = read_face(reader);
  options.zookeeper.servers = reader.string("zookeeper.servers", "127.0.0.1:2181");
  options.zookeeper.chroot = reader.string("zookeeper.chroot", options.zookeeper.chroot);
  options.zookeeper.session_timeout =
      reader.duration("zookeeper.session_timeout", options.zookeeper.session_timeout);
  options.zookeeper.request_timeout =
      reader.duration("zookeeper.request_timeout", options.zookeeper.request_timeout);
  options.consoles = reader.strings("consoles", std::vector<std::string>{});
  for (auto& console : options.consoles) {
    if (!console.starts_with("http://"))
      reader.problem("consoles", "'" + console + "' does not begin with http://");
    while (console.ends_with('/')) console.pop_back();
  }
  read_timing(reader, options.timing);
  read_policy(reader, options.policy);
  return options;
}

}  // namespace penstock::metaserver
