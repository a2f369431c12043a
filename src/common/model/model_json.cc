#include "common/model/model_json.h"

#include <algorithm>

#include "common/base/names.h"
#include "common/model/json_reader.h"

namespace penstock::model {
namespace {

constexpr std::int64_t kMax = INT64_MAX;

Json json_of(const std::optional<Address>& address) {
  return address ? Json(address->text()) : Json(nullptr);
}
Json json_of(const std::vector<Address>& addresses) {
  Json out = Json::array();
  for (const Address& address : addresses) out.push_back(address.text());
  return out;
}

std::uint64_t unsigned_field(ObjectReader& in, const std::string& key,
                             std::optional<std::int64_t> fallback = {}) {
  return static_cast<std::uint64_t>(in.integer(key, 0, kMax, fallback));
}
std::uint32_t u32_field(ObjectReader& in, const std::string& key) {
  return static_cast<std::uint32_t>(in.integer(key, 0, UINT32_MAX));
}

// One pair of functions per struct: what goes out, and the same fields read back.

Json encode(const ClusterConfig& c) {
  Json peers = Json::array();
  for (const PeerDc& peer : c.peers)
    peers.push_back({{"name", peer.name}, {"metaservers", json_of(peer.metaservers)}});
  return {{"name", c.name},
          {"type", c.type},
          {"activeDc", c.active_dc},
          {"clusterEpoch", c.cluster_epoch},
          {"mode", c.mode},
          {"policy", c.policy},
          {"dcs", c.dcs},
          {"peers", peers},
          {"shards", c.shards},
          {"version", c.version}};
}
void decode(ObjectReader& in, ClusterConfig& c) {
  c.name = in.name("name");
  c.type = in.string("type", c.type);
  c.active_dc = in.name("activeDc");
  c.cluster_epoch = u32_field(in, "clusterEpoch");
  c.mode = in.string("mode", c.mode);
  c.policy = in.string("policy", c.policy);
  c.dcs = in.strings("dcs");
  for (ObjectReader& peer : in.objects("peers"))
    c.peers.push_back({peer.name("name"), peer.addresses("metaservers")});
  c.shards = in.strings("shards");
  c.version = unsigned_field(in, "version");
}

Json encode(const SentinelConfig& s) {
  return {{"masterName", s.master_name},
          {"addresses", json_of(s.addresses)},
          {"quorum", s.quorum},
          {"downAfterMs", s.down_after_ms},
          {"failoverTimeoutMs", s.failover_timeout_ms},
          {"reconfigScript", s.reconfig_script}};
}
void decode(ObjectReader& in, SentinelConfig& s) {
  s.master_name = in.string("masterName");
  s.addresses = in.addresses("addresses");
  s.quorum = static_cast<int>(in.integer("quorum", 1, 1000, s.quorum));
  s.down_after_ms = in.integer("downAfterMs", 1, kMax, s.down_after_ms);
  s.failover_timeout_ms = in.integer("failoverTimeoutMs", 1, kMax, s.failover_timeout_ms);
  s.reconfig_script = in.string("reconfigScript", "");
}

Json encode(const ShardConfig& s) {
  Json keepers = Json::array(), redises = Json::array();
  for (const KeeperConfig& k : s.keepers)
    keepers.push_back({{"host", k.host}, {"address", k.address.text()}, {"priority", k.priority}});
  for (const RedisConfig& r : s.redises)
    redises.push_back({{"address", r.address.text()}, {"initialMaster", r.initial_master}});
  return {{"cluster", s.cluster}, {"shard", s.shard},   {"upstreamKeeper", json_of(s.upstream_keeper)},
          {"keepers", keepers},   {"redises", redises}, {"sentinel", encode(s.sentinel)},
          {"version", s.version}};
}
void decode(ObjectReader& in, ShardConfig& s) {
  s.cluster = in.name("cluster");
  s.shard = in.name("shard");
  s.upstream_keeper = in.optional_address("upstreamKeeper");
  for (ObjectReader& k : in.objects("keepers"))
    s.keepers.push_back(
        {k.name("host"), k.address("address"), static_cast<int>(k.integer("priority", -1000, 1000, 0))});
  for (ObjectReader& r : in.objects("redises"))
    s.redises.push_back({r.address("address"), r.boolean("initialMaster", false)});
  if (auto sentinel = in.object("sentinel")) {
    decode(*sentinel, s.sentinel);
  } else {
    in.problem("sentinel", "is missing");
  }
  s.version = unsigned_field(in, "version");
}

Json encode(const MetaserverInfo& m) {
  return {{"id", m.id},
          {"rest", m.rest.text()},
          {"version", m.version},
          {"startedMs", m.started_ms},
          {"sentinel", json_of(m.sentinel)}};
}
void decode(ObjectReader& in, MetaserverInfo& m) {
  m.id = in.name("id");
  m.rest = in.address("rest");
  m.version = in.string("version", "");
  m.started_ms = in.integer("startedMs", 0, kMax, 0);
  m.sentinel = in.optional_address("sentinel");
}

Json encode(const KeeperHostInfo& h) {
  return {
      {"id", h.id}, {"admin", h.admin.text()}, {"version", h.version}, {"capacityBytes", h.capacity_bytes}};
}
void decode(ObjectReader& in, KeeperHostInfo& h) {
  h.id = in.name("id");
  h.admin = in.address("admin");
  h.version = in.string("version", "");
  h.capacity_bytes = in.integer("capacityBytes", 0, kMax, 0);
}

Json encode(const KeeperRegistration& k) {
  return {{"host", k.host}, {"address", k.address.text()}, {"uuid", k.uuid}};
}
void decode(ObjectReader& in, KeeperRegistration& k) {
  k.host = in.name("host");
  k.address = in.address("address");
  k.uuid = in.string("uuid", "");
}

Json encode(const SlotTable& t) {
  return {{"version", t.version}, {"owners", t.owners}};
}
void decode(ObjectReader& in, SlotTable& t) {
  t.version = unsigned_field(in, "version");
  t.owners = in.strings("owners");
  if (t.owners.size() != kSlotCount) in.problem("owners", "must have 256 entries");
}

Json encode(const Event& e) {
  return {{"type", e.type}, {"id", e.id},       {"version", e.version}, {"atMs", e.at_ms},
          {"by", e.by},     {"shard", e.shard}, {"payload", e.payload}};
}
void decode(ObjectReader& in, Event& e) {
  e.type = in.string("type");
  if (std::ranges::find(kEventTypes, e.type) == std::end(kEventTypes))
    in.problem("type", "'" + e.type + "' is not a known event type");
  e.id = in.string("id");
  e.version = unsigned_field(in, "version");
  e.at_ms = in.integer("atMs", 0, kMax, 0);
  e.by = in.string("by", "");
  e.shard = in.string("shard", "");
}
/// The payload is a map of strings; ObjectReader has no getter for open keys.
void decode_payload(const Json& json, ObjectReader& in, Event& e) {
  const auto payload = json.find("payload");
  if (payload == json.end() || payload->is_null()) return;
  if (!payload->is_object()) return in.problem("payload", "must be an object");
  for (const auto& [key, value] : payload->items()) {
    if (value.is_string()) {
      e.payload[key] = value.get<std::string>();
    } else {
      in.problem("payload." + key, "must be a string");
    }
  }
}

Json encode(const EventOutcome& o) {
  return {
      {"id", o.id}, {"type", o.type}, {"version", o.version}, {"applied", o.applied}, {"reason", o.reason}};
}
void decode(ObjectReader& in, EventOutcome& o) {
  o.id = in.string("id");
  o.type = in.string("type", "");
  o.version = unsigned_field(in, "version", 0);
  o.applied = in.boolean("applied");
  o.reason = in.string("reason", "");
}

Json encode(const SwitchRecord& s) {
  return {{"operation", s.operation},
          {"clusterEpoch", s.cluster_epoch},
          {"side", s.is_source ? "source" : "target"},
          {"sourceDc", s.source_dc},
          {"targetDc", s.target_dc},
          {"step", to_string(s.step)},
          {"replid", s.replid},
          {"offset", s.offset},
          {"keeper", json_of(s.keeper)},
          {"oldMaster", json_of(s.old_master)},
          {"pingPeriodS", s.ping_period_s.value_or(-1)},
          {"candidate", json_of(s.candidate)},
          {"startedMs", s.started_ms}};
}
void decode(ObjectReader& in, SwitchRecord& s) {
  s.operation = in.string("operation");
  s.cluster_epoch = u32_field(in, "clusterEpoch");
  const std::string side = in.string("side");
  if (side != "source" && side != "target") in.problem("side", "must be source or target");
  s.is_source = side == "source";
  s.source_dc = in.name("sourceDc");
  s.target_dc = in.name("targetDc");
  auto step = parse_switch_step(in.string("step"));
  if (step) {
    s.step = step.value();
  } else {
    in.problem("step", step.error().message);
  }
  s.replid = in.string("replid", "");
  s.offset = in.integer("offset", -1, kMax, -1);
  s.keeper = in.optional_address("keeper");
  s.old_master = in.optional_address("oldMaster");
  const auto period = in.integer("pingPeriodS", -1, INT32_MAX, -1);
  if (period >= 0) s.ping_period_s = static_cast<int>(period);
  s.candidate = in.optional_address("candidate");
  s.started_ms = in.integer("startedMs", 0, kMax, 0);
}

Json encode(const ShardState& s) {
  return {{"cluster", s.cluster},
          {"shard", s.shard},
          {"activeDc", s.active_dc},
          {"epoch", {{"cluster", s.epoch.cluster}, {"term", s.epoch.term}}},
          {"master", json_of(s.master)},
          {"activeKeeper", json_of(s.active_keeper)},
          {"upstream", json_of(s.upstream)},
          {"switch", s.switching ? encode(*s.switching) : Json(nullptr)},
          {"lastEvent", s.last_event ? encode(*s.last_event) : Json(nullptr)},
          {"configVersion", s.config_version},
          {"owner", s.owner}};
}
void decode(ObjectReader& in, ShardState& s) {
  s.cluster = in.name("cluster");
  s.shard = in.name("shard");
  s.active_dc = in.name("activeDc");
  if (auto epoch = in.object("epoch")) {
    s.epoch = {u32_field(*epoch, "cluster"), u32_field(*epoch, "term")};
  } else {
    in.problem("epoch", "is missing");
  }
  s.master = in.optional_address("master");
  s.active_keeper = in.optional_address("activeKeeper");
  s.upstream = in.optional_address("upstream");
  if (auto record = in.object("switch")) decode(*record, s.switching.emplace());
  if (auto outcome = in.object("lastEvent")) decode(*outcome, s.last_event.emplace());
  s.config_version = unsigned_field(in, "configVersion", 0);
  s.owner = in.string("owner", "");
}

Json encode(const SwitchDecision& d) {
  return {{"decision", d.commit ? "COMMIT" : "ABORT"},
          {"operation", d.operation},
          {"by", d.by},
          {"atMs", d.at_ms}};
}
void decode(ObjectReader& in, SwitchDecision& d) {
  const std::string decision = in.string("decision");
  if (decision != "COMMIT" && decision != "ABORT") in.problem("decision", "must be COMMIT or ABORT");
  d.commit = decision == "COMMIT";
  d.operation = in.string("operation");
  d.by = in.string("by", "");
  d.at_ms = in.integer("atMs", 0, kMax, 0);
}

Json encode(const KeeperReport& k) {
  return {{"cluster", k.cluster},
          {"shard", k.shard},
          {"uuid", k.uuid},
          {"state", to_string(k.state)},
          {"epoch", k.epoch},
          {"upstream", json_of(k.upstream)},
          {"link", k.link},
          {"replid", k.replid},
          {"offset", k.offset},
          {"replid2", k.replid2},
          {"secondOffset", k.second_offset},
          {"logFirst", k.log_first},
          {"rdbOffset", k.rdb_offset},
          {"handover", to_string(k.handover)},
          {"handoverOffset", k.handover_offset},
          {"fullSyncs", k.full_syncs},
          {"fullSyncsServed", k.full_syncs_served},
          {"replicas", k.replicas}};
}
void decode(ObjectReader& in, KeeperReport& k) {
  k.cluster = in.string("cluster", "");
  k.shard = in.string("shard", "");
  k.uuid = in.string("uuid", "");
  auto state = parse_keeper_state(in.string("state"));
  if (state) {
    k.state = state.value();
  } else {
    in.problem("state", state.error().message);
  }
  k.epoch = unsigned_field(in, "epoch", 0);
  k.upstream = in.optional_address("upstream");
  k.link = in.string("link", "none");
  k.replid = in.string("replid", "");
  k.offset = in.integer("offset", -1, kMax, 0);
  k.replid2 = in.string("replid2", "");
  k.second_offset = in.integer("secondOffset", -1, kMax, -1);
  k.log_first = in.integer("logFirst", -1, kMax, -1);
  k.rdb_offset = in.integer("rdbOffset", -1, kMax, -1);
  auto handover = parse_handover_state(in.string("handover", "none"));
  if (handover) {
    k.handover = handover.value();
  } else {
    in.problem("handover", handover.error().message);
  }
  k.handover_offset = in.integer("handoverOffset", -1, kMax, -1);
  k.full_syncs = in.integer("fullSyncs", 0, kMax, 0);
  k.full_syncs_served = in.integer("fullSyncsServed", 0, kMax, 0);
  k.replicas = in.integer("replicas", 0, kMax, 0);
}

}  // namespace

std::string to_json(const ClusterConfig& v) {
  return dump_json(encode(v));
}
std::string to_json(const ShardConfig& v) {
  return dump_json(encode(v));
}
std::string to_json(const MetaserverInfo& v) {
  return dump_json(encode(v));
}
std::string to_json(const KeeperHostInfo& v) {
  return dump_json(encode(v));
}
std::string to_json(const KeeperRegistration& v) {
  return dump_json(encode(v));
}
std::string to_json(const SlotTable& v) {
  return dump_json(encode(v));
}
std::string to_json(const Event& v) {
  return dump_json(encode(v));
}
std::string to_json(const ShardState& v) {
  return dump_json(encode(v));
}
std::string to_json(const SwitchDecision& v) {
  return dump_json(encode(v));
}
std::string to_json(const KeeperReport& v) {
  return dump_json(encode(v));
}

template <class T>
Result<T> from_json(std::string_view text) {
  PS_TRY(auto json, parse_json(text));
  ObjectReader in(json);
  T value;
  decode(in, value);
  if constexpr (std::is_same_v<T, Event>) {
    if (json.is_object()) decode_payload(json, in, value);
  }
  PS_TRY(in.finish());
  return value;
}

template Result<ClusterConfig> from_json<ClusterConfig>(std::string_view);
template Result<ShardConfig> from_json<ShardConfig>(std::string_view);
template Result<MetaserverInfo> from_json<MetaserverInfo>(std::string_view);
template Result<KeeperHostInfo> from_json<KeeperHostInfo>(std::string_view);
template Result<KeeperRegistration> from_json<KeeperRegistration>(std::string_view);
template Result<SlotTable> from_json<SlotTable>(std::string_view);
template Result<Event> from_json<Event>(std::string_view);
template Result<ShardState> from_json<ShardState>(std::string_view);
template Result<SwitchDecision> from_json<SwitchDecision>(std::string_view);
template Result<KeeperReport> from_json<KeeperReport>(std::string_view);

}  // namespace penstock::model
