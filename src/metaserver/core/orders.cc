#include "metaserver/core/orders.h"

#include <algorithm>

namespace penstock::metaserver {
namespace {

using model::KeeperState;

void note(Orders& orders, Diagnosis diagnosis, std::string why) {
  orders.findings.push_back({diagnosis, std::move(why)});
}

/// During a switch nobody is taken from where it is before it holds the whole frozen history.
bool still_drains(const ShardView& view, const RedisObservation& redis) {
  const auto& record = state_of(view).switching;
  return record && record->offset >= 0 && redis.link_up && redis.replid == record->replid &&
         redis.offset < record->offset;
}

bool is_empty_master(const RedisObservation& redis) {
  return redis.role == RedisRole::master && redis.keys == 0 && redis.replicas == 0;
}

/// A restarted replica that lost its replicaof: its history ends exactly where the chain's goes on.
bool holds_nothing_of_its_own(const RedisObservation& redis, const model::KeeperReport& keeper) {
  const bool known =
      !redis.replid2.empty() && (redis.replid2 == keeper.replid || redis.replid2 == keeper.replid2);
  return known && redis.offset + 1 == redis.second_offset && redis.offset <= keeper.offset;
}

void order_redis_of_active_dc(const ShardView& view, const MasterChoice& choice, const Policy& policy,
                              const RedisObservation& redis, Orders& orders) {
  const Address& master = known(state_of(view).master);
  if (redis.address == master) return;
  if (redis.role == RedisRole::replica && redis.upstream == master) {
    if (!redis.link_up)
      note(orders, Diagnosis::syncing, redis.address.text() + " has no link to its master yet");
    return;
  }
  if (redis.role == RedisRole::master && !is_empty_master(redis)) {
    const bool grace_over = view.now_ms - redis.role_since_ms >= policy.stray_master_grace_ms;
    if (!choice.agreed || !grace_over) {
      note(orders, Diagnosis::stray_master,
           redis.address.text() + " is a master with data beside " + master.text());
      return;
    }
  }
  if (!choice.clear || redis.failover_state != "no-failover" || still_drains(view, redis)) return;
  orders.actions.push_back(PointRedis{redis.address, master});
}

void order_redis_of_backup_dc(const ShardView& view, const KeeperObservation& keeper,
                              const RedisObservation& redis, Orders& orders) {
  if (redis.role == RedisRole::replica && redis.upstream == keeper.address) {
    if (!redis.link_up)
      note(orders, Diagnosis::syncing, redis.address.text() + " has no link to its keeper yet");
    return;
  }
  if (redis.role == RedisRole::master && !is_empty_master(redis) &&
      !holds_nothing_of_its_own(redis, known(keeper.report))) {
    note(orders, Diagnosis::stray_master,
         redis.address.text() + " is a master with data of its own in a backup data center");
    return;
  }
  if (redis.failover_state != "no-failover" || still_drains(view, redis)) return;
  orders.actions.push_back(PointRedis{redis.address, keeper.address});
}

bool settings_differ(const SentinelObservation& sentinel, const model::SentinelConfig& config) {
  return sentinel.quorum != config.quorum || sentinel.down_after_ms != config.down_after_ms ||
         sentinel.failover_timeout_ms != config.failover_timeout_ms ||
         sentinel.reconfig_script != config.reconfig_script;
}

/// Sentinel re-points the active keeper before we have adopted the new master; ordering it back would fight
/// the fail-over.
bool moved_ahead_of_us(const ShardView& view, const MasterChoice& master, const model::KeeperReport& report,
                       const SetKeeperState& order) {
  return order.active && order.active_dc && !master.clear && report.state == KeeperState::active &&
         report.epoch == order.epoch.packed() && report.upstream && is_member(view, *report.upstream);
}

}  // namespace

bool obeys(const model::KeeperReport& report, const SetKeeperState& order) {
  const KeeperState wanted = order.active ? KeeperState::active : KeeperState::backup;
  return report.state == wanted && report.upstream == order.upstream && report.epoch == order.epoch.packed();
}

std::optional<SetKeeperState> order_for(const ShardView& view, const Address& address) {
  const auto& state = state_of(view);
  if (!state.active_keeper) return std::nullopt;
  SetKeeperState order;
  order.address = address;
  order.active = address == *state.active_keeper;
  order.upstream = order.active ? state.upstream : state.active_keeper;
  if (!order.upstream) return std::nullopt;
  order.epoch = state.epoch;
  order.active_dc = state.active_dc == view.dc;
  for (const auto& redis : view.shard.redises) order.members.push_back(redis.address);
  return order;
}

void order_keepers(const ShardView& view, const MasterChoice& master, Orders& orders) {
  std::vector<Action> backups;
  for (const auto& keeper : view.keepers) {
    if (!keeper.report) {
      note(orders, Diagnosis::keeper_missing, "keeper " + keeper.address.text() + ": " + keeper.error);
      continue;
    }
    if (known(keeper.report).cluster != view.shard.cluster ||
        known(keeper.report).shard != view.shard.shard) {
      note(orders, Diagnosis::keeper_missing,
           "keeper " + keeper.address.text() + " serves " + known(keeper.report).cluster + "/" +
               known(keeper.report).shard);
      continue;
    }
    const auto order = order_for(view, keeper.address);
    if (!order) continue;
    if (obeys(known(keeper.report), *order)) {
      if (known(keeper.report).link != "connected")
        note(orders, Diagnosis::syncing,
             "keeper " + keeper.address.text() + " link to upstream: " + known(keeper.report).link);
    } else if (moved_ahead_of_us(view, master, known(keeper.report), *order)) {
      note(orders, Diagnosis::syncing,
           "keeper " + keeper.address.text() + " already follows " +
               known(known(keeper.report).upstream).text());
    } else if (order->active) {
      orders.actions.push_back(*order);
    } else {
      backups.push_back(*order);
    }
  }
  std::ranges::move(backups, std::back_inserter(orders.actions));
}

void order_redises(const ShardView& view, const MasterChoice& master, const Policy& policy, Orders& orders) {
  const KeeperObservation* keeper =
      state_of(view).active_keeper ? find_keeper(view, known(state_of(view).active_keeper)) : nullptr;
  const auto keeper_order = keeper != nullptr ? order_for(view, keeper->address) : std::nullopt;
  const bool keeper_serves = keeper_order && keeper->report && obeys(known(keeper->report), *keeper_order);
  for (const auto& redis : view.redises) {
    if (!redis.reachable) {
      note(orders, Diagnosis::redis_missing, "redis " + redis.address.text() + ": " + redis.error);
    } else if (redis.loading) {
      note(orders, Diagnosis::syncing, "redis " + redis.address.text() + " is loading");
    } else if (is_active_dc(view)) {
      if (state_of(view).master) order_redis_of_active_dc(view, master, policy, redis, orders);
    } else if (keeper_serves) {
      order_redis_of_backup_dc(view, *keeper, redis, orders);
    }
  }
}

void order_sentinels(const ShardView& view, const MasterChoice& master, const Policy& policy,
                     Orders& orders) {
  const auto& config = view.shard.sentinel;
  for (const auto& sentinel : view.sentinels) {
    if (!sentinel.reachable) {
      note(orders, Diagnosis::sentinel_missing,
           "sentinel " + sentinel.address.text() + ": " + sentinel.error);
    } else if (!is_active_dc(view)) {
      if (sentinel.monitoring) orders.actions.push_back(RemoveSentinel{sentinel.address, config.master_name});
    } else if (!sentinel.monitoring) {
      if (master.clear)
        orders.actions.push_back(MonitorSentinel{sentinel.address, known(state_of(view).master), config});
    } else if (state_of(view).master && sentinel.master != known(state_of(view).master)) {
      const RedisObservation* recorded = find_redis(view, known(state_of(view).master));
      const RedisObservation* named = find_redis(view, sentinel.master);
      const bool recorded_lives =
          recorded != nullptr && recorded->reachable && recorded->role == RedisRole::master;
      const bool named_is_master = named != nullptr && named->reachable && named->role == RedisRole::master;
      const bool stale = view.now_ms - sentinel.master_since_ms >= policy.stale_sentinel_grace_ms;
      if (stale && recorded_lives && !named_is_master && !sentinel.failover_in_progress)
        orders.actions.push_back(RemoveSentinel{sentinel.address, config.master_name});
    }
  }
  if (!is_active_dc(view)) return;
  for (const auto& sentinel : view.sentinels)
    if (sentinel.reachable && sentinel.monitoring && state_of(view).master &&
        sentinel.master == known(state_of(view).master) && settings_differ(sentinel, config))
      orders.actions.push_back(FixSentinel{sentinel.address, config});
}

void order_backlogs(const ShardView& view, const Policy& policy, Orders& orders) {
  for (const auto& redis : view.redises)
    if (redis.reachable && !redis.loading && redis.backlog_size < policy.backlog_bytes_min)
      orders.actions.push_back(SetBacklogSize{redis.address, policy.backlog_bytes_min});
}

void order_keeper_inventory(const ShardView& view, Orders& orders) {
  for (const auto& config : view.shard.keepers) {
    const KeeperObservation* keeper = find_keeper(view, config.address);
    const auto host = view.keeper_hosts.find(config.host);
    if (keeper != nullptr && !keeper->report && keeper->refused && host != view.keeper_hosts.end())
      orders.actions.push_back(CreateKeeper{config.host, host->second, config.address});
  }
  for (const auto& registration : view.registrations) {
    const bool is_configured = std::ranges::any_of(
        view.shard.keepers,
        [&](const model::KeeperConfig& keeper) { return keeper.host == registration.host; });
    const auto host = view.keeper_hosts.find(registration.host);
    const bool is_active = state_of(view).active_keeper == registration.address;
    if (!is_configured && !is_active && host != view.keeper_hosts.end())
      orders.actions.push_back(DeleteKeeper{registration.host, host->second});
  }
}

}  // namespace penstock::metaserver
