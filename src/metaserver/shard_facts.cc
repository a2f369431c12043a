#include "metaserver/shard_facts.h"

#include <algorithm>

#include "common/model/json_reader.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"

namespace penstock::metaserver {
namespace {

using model::Json;

constexpr std::int64_t kFreshMs = 5'000;

Json parsed(const std::string& text) {
  auto json = model::parse_json(text);
  return json ? std::move(json).value() : Json();
}

Json text_or_null(const std::optional<Address>& address) {
  return address ? Json(address->text()) : Json();
}

Json keeper_node(const ShardFacts& facts, const KeeperObservation& keeper) {
  Json node = {
      {"address", keeper.address.text()}, {"kind", "keeper"}, {"reachable", keeper.report.has_value()}};
  const bool is_active = facts.state && facts.state->active_keeper == keeper.address;
  node["role"] = is_active ? "active" : "backup";
  if (!keeper.report) {
    node["error"] = keeper.error;
    return node;
  }
  const auto& report = *keeper.report;
  node["role"] = report.state == model::KeeperState::active ? "active" : "backup";
  node["state"] = model::to_string(report.state);
  node["upstream"] = text_or_null(report.upstream);
  node["link"] = report.link;
  node["replid"] = report.replid;
  node["offset"] = report.offset;
  node["epoch"] = report.epoch;
  node["fullSyncs"] = report.full_syncs;
  node["fullSyncsServed"] = report.full_syncs_served;
  node["replicas"] = report.replicas;
  return node;
}

Json redis_node(const RedisObservation& redis) {
  Json node = {{"address", redis.address.text()}, {"kind", "redis"}, {"reachable", redis.reachable}};
  if (!redis.reachable) {
    node["role"] = "unknown";
    node["error"] = redis.error;
    return node;
  }
  node["role"] = to_string(redis.role);
  node["state"] = redis.loading ? "loading" : redis.sync_in_progress ? "syncing" : "online";
  node["upstream"] = redis.role == RedisRole::replica ? Json(redis.upstream.text()) : Json();
  node["link"] = redis.role == RedisRole::replica ? Json(redis.link_up ? "up" : "down") : Json();
  node["replid"] = redis.replid;
  node["offset"] = redis.offset;
  node["fullSyncsServed"] = redis.full_syncs_served;
  return node;
}

Json sentinel_node(const SentinelObservation& sentinel) {
  Json node = {{"address", sentinel.address.text()}, {"reachable", sentinel.reachable}};
  if (!sentinel.reachable) {
    node["error"] = sentinel.error;
    return node;
  }
  node["monitors"] = sentinel.monitoring ? Json(sentinel.master.text()) : Json();
  node["objectivelyDown"] = sentinel.objectively_down;
  node["failoverInProgress"] = sentinel.failover_in_progress;
  return node;
}

Json health(const ShardFacts& facts) {
  Json body = {{"diagnosis", "unknown"},     {"why", "the owner has not looked yet"},
               {"keepers", Json::array()},   {"redises", Json::array()},
               {"sentinels", Json::array()}, {"findings", Json::array()}};
  if (!facts.look) return body;
  const auto& look = *facts.look;
  body["diagnosis"] = to_string(look.decision.diagnosis);
  body["why"] = look.decision.why;
  body["ageMs"] = mono_ms() - look.at_ms;
  for (const auto& finding : look.decision.findings)
    body["findings"].push_back({{"diagnosis", to_string(finding.diagnosis)}, {"why", finding.why}});
  for (const auto& keeper : look.view.keepers) body["keepers"].push_back(keeper_node(facts, keeper));
  for (const auto& redis : look.view.redises) body["redises"].push_back(redis_node(redis));
  for (const auto& sentinel : look.view.sentinels) body["sentinels"].push_back(sentinel_node(sentinel));
  return body;
}

Json base(const ShardFacts& facts) {
  return {{"cluster", facts.shard.cluster},
          {"shard", facts.shard.shard},
          {"dc", facts.dc},
          {"stale", facts.stale}};
}

Json with_address(Json body, const Address& address, const model::ShardState& state) {
  body["host"] = address.host;
  body["port"] = address.port;
  body["address"] = address.text();
  body["epoch"] = state.epoch.packed();
  return body;
}

/// The master's replid and offset, from the active DC's nodes.
std::optional<std::pair<std::string, std::int64_t>> head_of(const Json& arch) {
  const auto dc = arch["dcs"].find(arch.value("activeDc", ""));
  if (dc == arch["dcs"].end() || !dc->contains("nodes")) return std::nullopt;
  for (const auto& node : (*dc)["nodes"])
    if (node.value("kind", "") == "redis" && node.value("role", "") == "master" && node.contains("offset"))
      return std::pair{node.value("replid", ""), node.value("offset", std::int64_t{0})};
  return std::nullopt;
}

void work_out_lag(Json& arch) {
  const auto head = head_of(arch);
  for (auto& [name, dc] : arch["dcs"].items()) {
    if (!dc.contains("nodes")) continue;
    for (auto& node : dc["nodes"]) {
      const bool comparable =
          head && node.value("replid", "") == head->first && !node.value("replid", "").empty();
      node["lagBytes"] =
          comparable ? Json(std::max<std::int64_t>(0, head->second - node.value("offset", std::int64_t{0})))
                     : Json();
    }
  }
}

}  // namespace

ShardFacts facts_of(Shard& shard) {
  ShardFacts facts;
  facts.dc = shard.hub().options.dc;
  facts.owner = shard.hub().options.id;
  facts.cluster = shard.cluster_config();
  facts.shard = shard.shard_config();
  facts.state = shard.stored().state;
  facts.look = shard.last_look();
  facts.stale =
      !shard.owned() || !shard.in_office() || !facts.look || mono_ms() - facts.look->at_ms > kFreshMs;
  return facts;
}

Task<Result<>> check_exists(zk::Zk* zk, std::string dc, std::string cluster, std::string shard) {
  PS_CO_TRY(const auto cluster_node, co_await zk->exists(zk_paths::cluster(dc, cluster)));
  if (!cluster_node) co_return fail(Errc::not_found, "unknown cluster '" + cluster + "'");
  if (shard.empty()) co_return success();
  PS_CO_TRY(const auto shard_node, co_await zk->exists(zk_paths::shard(dc, cluster, shard)));
  if (!shard_node)
    co_return fail(Errc::not_found, "unknown shard '" + shard + "' of cluster '" + cluster + "'");
  co_return success();
}

Task<Result<ShardFacts>> read_facts(zk::Zk* zk, std::string dc, std::string cluster, std::string shard) {
  PS_CO_TRY(co_await check_exists(zk, dc, cluster, shard));
  ShardFacts facts;
  facts.dc = dc;
  facts.stale = true;
  PS_CO_TRY(const auto cluster_node, co_await zk->get(zk_paths::cluster(dc, cluster)));
  PS_CO_TRY(facts.cluster, model::from_json<model::ClusterConfig>(cluster_node.data));
  PS_CO_TRY(const auto shard_node, co_await zk->get(zk_paths::shard(dc, cluster, shard)));
  PS_CO_TRY(facts.shard, model::from_json<model::ShardConfig>(shard_node.data));
  auto state = co_await zk->get(zk_paths::state(dc, cluster, shard));
  if (!state && state.error().code == Errc::not_found) co_return facts;
  if (!state) co_return fail(std::move(state).error());
  PS_CO_TRY(facts.state, model::from_json<model::ShardState>(state.value().data));
  facts.owner = facts.state->owner;
  co_return facts;
}

std::string shard_json(const ShardFacts& facts) {
  Json body = base(facts);
  body["owner"] = facts.owner;
  body["config"] = {{"cluster", parsed(model::to_json(facts.cluster))},
                    {"shard", parsed(model::to_json(facts.shard))}};
  body["state"] = facts.state ? parsed(model::to_json(*facts.state)) : Json();
  body["health"] = health(facts);
  return model::dump_json(body);
}

std::string master_json(const ShardFacts& facts) {
  return model::dump_json(with_address(base(facts), known(known(facts.state).master), known(facts.state)));
}

std::string active_keeper_json(const ShardFacts& facts) {
  const Address& address = known(known(facts.state).active_keeper);
  Json body = with_address(base(facts), address, known(facts.state));
  body["state"] = "UNKNOWN";
  if (facts.look)
    if (const auto* keeper = find_keeper(facts.look->view, address); keeper && keeper->report)
      body["state"] = model::to_string(keeper->report->state);
  return model::dump_json(body);
}

std::string arch_json(const ShardFacts& facts) {
  Json nodes = Json::array();
  if (facts.look) {
    for (const auto& redis : facts.look->view.redises) nodes.push_back(redis_node(redis));
    for (const auto& keeper : facts.look->view.keepers) nodes.push_back(keeper_node(facts, keeper));
  } else {
    for (const auto& redis : facts.shard.redises)
      nodes.push_back(
          {{"address", redis.address.text()}, {"kind", "redis"}, {"role", "unknown"}, {"reachable", false}});
    for (const auto& keeper : facts.shard.keepers)
      nodes.push_back(
          {{"address", keeper.address.text()}, {"kind", "keeper"}, {"role", "backup"}, {"reachable", false}});
  }
  const bool has_master = facts.state && facts.state->active_dc == facts.dc;
  Json body = {{"cluster", facts.shard.cluster},
               {"shard", facts.shard.shard},
               {"activeDc", facts.state ? facts.state->active_dc : facts.cluster.active_dc},
               {"dcs", Json::object()}};
  body["dcs"][facts.dc] = {
      {"reachable", true},
      {"stale", facts.stale},
      {"master", has_master ? text_or_null(facts.state->master) : Json()},
      {"activeKeeper", facts.state ? text_or_null(facts.state->active_keeper) : Json()},
      {"diagnosis", facts.look ? Json(to_string(facts.look->decision.diagnosis)) : Json()},
      {"nodes", std::move(nodes)}};
  work_out_lag(body);
  return model::dump_json(body);
}

std::string merge_arch(const std::string& own,
                       const std::vector<std::pair<std::string, std::string>>& answers) {
  Json body = parsed(own);
  for (const auto& [dc, text] : answers) {
    const Json answer = text.empty() ? Json() : parsed(text);
    const bool usable = answer.is_object() && answer.contains("dcs") && answer["dcs"].is_object() &&
                        answer["dcs"].contains(dc) && answer["dcs"][dc].is_object();
    body["dcs"][dc] = usable ? answer["dcs"][dc]
                             : Json{{"reachable", false}, {"master", nullptr}, {"nodes", Json::array()}};
  }
  work_out_lag(body);
  return model::dump_json(body);
}

std::string precheck_json(const std::vector<PrecheckProblem>& problems) {
  Json list = Json::array();
  for (const auto& problem : problems) list.push_back({{"code", problem.code}, {"detail", problem.detail}});
  return model::dump_json({{"ok", problems.empty()}, {"problems", std::move(list)}});
}

}  // namespace penstock::metaserver
