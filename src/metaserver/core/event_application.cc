#include "metaserver/core/event_application.h"

#include <algorithm>

namespace penstock::metaserver {
namespace {

using model::Event;
using model::EventOutcome;

bool is_known_type(const Event& event) {
  return std::ranges::find(model::kEventTypes, event.type) != std::end(model::kEventTypes);
}

/// The error, or "" when `to` is a Redis of this shard.
std::string check_master(const Event& event, const model::ShardConfig& shard,
                         std::optional<Address>& master) {
  const auto to = event.payload.find("to");
  if (to == event.payload.end()) return "field 'payload.to': missing";
  auto address = parse_address(to->second);
  if (!address) return "field 'payload.to': " + address.error().message;
  if (std::ranges::find(shard.redises, address.value(), &model::RedisConfig::address) == shard.redises.end())
    return address.value().text() + " is no Redis of this shard";
  master = address.value();
  return "";
}

std::string judge(const Event& event, const std::optional<model::ClusterConfig>& cluster,
                  const std::optional<model::ShardConfig>& shard, EventVerdict& verdict) {
  if (!is_known_type(event)) return "unknown event type '" + event.type + "'";
  if (!cluster) return "unknown cluster";
  if (!shard) return "unknown shard '" + event.shard + "'";
  const auto version = std::max(cluster->version, shard->version);
  if (version < event.version)
    return "config has version " + std::to_string(version) + ", the event announces " +
           std::to_string(event.version);
  if (event.type == "promoteMaster" && !shard->sentinel.addresses.empty())
    return "policy sentinel: the master of this shard is chosen by Sentinel";
  if (event.type == "promoteMaster" || event.type == "redisMasterChanged")
    return check_master(event, *shard, verdict.master_hint);
  verdict.ask_peers = event.type == "keeperActiveChanged" || event.type == "upstreamChanged";
  return "";
}

}  // namespace

EventVerdict apply_event(const Event& event, const std::optional<model::ClusterConfig>& cluster,
                         const std::optional<model::ShardConfig>& shard) {
  EventVerdict verdict;
  const std::string rejection = judge(event, cluster, shard, verdict);
  verdict.outcome = {event.id, event.type, event.version, rejection.empty(), rejection};
  return verdict;
}

EventOutcome reject_unreadable(const std::string& node, const std::string& why) {
  return {node, "", 0, false, "unreadable: " + why};
}

}  // namespace penstock::metaserver
