#include "metaserver/catalog.h"

#include <algorithm>

#include "common/base/names.h"
#include "common/log/log.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "metaserver/events.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"catalog"};
constexpr Millis kRetry{200};
/// Without a slot table nothing is owned; membership wakes us when there is one.
constexpr std::int32_t kNoNode = -1;

}  // namespace

Catalog::Catalog(Hub& hub)
    : hub_(hub),
      bell_(hub.executor),
      tasks_(hub.executor),
      departures_(hub.executor),
      watcher_([this] { wake(); }),
      hosts_watcher_([this] {
        hosts_stale_ = true;
        wake();
      }) {}

void Catalog::start() {
  tasks_.spawn("catalog", run());
}

Task<void> Catalog::stop() {
  co_await tasks_.stop();
  co_await departures_.stop();
  for (auto& [key, shard] : shards_) co_await shard->stop();
  shards_.clear();
}

std::shared_ptr<Shard> Catalog::find(const std::string& cluster, const std::string& shard) const {
  const auto found = shards_.find({cluster, shard});
  return found == shards_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Shard>> Catalog::shards_of(const std::string& cluster) const {
  std::vector<std::shared_ptr<Shard>> found;
  for (const auto& [key, shard] : shards_)
    if (key.first == cluster) found.push_back(shard);
  return found;
}

std::set<Address> Catalog::peer_metaservers() const {
  std::set<Address> found;
  for (const auto& [name, cluster] : clusters_)
    for (const auto& peer : cluster.peers) found.insert(peer.metaservers.begin(), peer.metaservers.end());
  return found;
}

bool Catalog::owns_slot(int slot) const {
  const auto& owners = hub_.membership.table().owners;
  return static_cast<std::size_t>(slot) < owners.size() &&
         owners[static_cast<std::size_t>(slot)] == hub_.options.id;
}

Task<void> Catalog::run() {
  for (;;) {
    Millis pause = hub_.options.timing.resync / 4;
    if (hub_.zk.connected() && !hub_.membership.table().owners.empty()) {
      const auto done = co_await refresh();
      if (!done) kLog.warn("refresh failed", {{"error", done.error().text()}});
      const bool retry =
          !done || std::ranges::any_of(slots_, [](const auto& slot) { return slot.second.retry; });
      if (retry) pause = kRetry;
    }
    const auto rung = co_await bell_.wait_for(pause);
    if (!rung) co_return;
  }
}

Task<Result<>> Catalog::refresh() {
  if (generation_ != hub_.zk.session_generation()) {
    generation_ = hub_.zk.session_generation();
    hosts_stale_ = true;
    slots_.clear();
    for (auto& [key, shard] : shards_) shard->begin_tenure();
  }
  if (mono_ms() >= resync_at_ms_) {
    resync_at_ms_ = mono_ms() + hub_.options.timing.resync.count();
    hosts_stale_ = true;
    slots_.clear();
  }
  if (hosts_stale_) {
    PS_CO_TRY(co_await refresh_keeper_hosts());
  }

  auto names = co_await hub_.zk.children(zk_paths::clusters(hub_.options.dc), watcher_);
  if (!names && names.error().code == Errc::not_found) {
    // The watch on children needs a parent; its creation is announced by this one.
    PS_CO_TRY(co_await hub_.zk.exists(zk_paths::clusters(hub_.options.dc), watcher_));
    names = std::vector<std::string>{};
  }
  if (!names) co_return fail(std::move(names).error());

  std::map<int, std::vector<std::string>> by_slot;
  std::set<std::string> mine;
  for (const auto& name : names.value()) {
    const int slot = slot_of(name);
    if (!owns_slot(slot)) continue;
    by_slot[slot].push_back(name);
    mine.insert(name);
  }
  drop_absent(mine);
  std::erase_if(slots_, [&](const auto& slot) { return !by_slot.contains(slot.first); });
  for (auto& [slot, clusters] : by_slot) {
    PS_CO_TRY(co_await refresh_slot(slot, clusters));
  }
  hub_.metrics.gauge("penstock_metaserver_owned_shards", "Shards that this server owns")
      .set(static_cast<double>(shards_.size()));
  loaded_ = true;
  co_return success();
}

Task<Result<>> Catalog::refresh_keeper_hosts() {
  const std::string parent = zk_paths::keeper_hosts(hub_.options.dc);
  auto names = co_await hub_.zk.children(parent, hosts_watcher_);
  if (!names && names.error().code == Errc::not_found) {
    PS_CO_TRY(co_await hub_.zk.exists(parent, hosts_watcher_));
    hosts_stale_ = false;
    co_return success();
  }
  if (!names) co_return fail(std::move(names).error());
  hosts_stale_ = false;  // a change from here on sets it again
  std::map<std::string, Address> hosts;
  for (const auto& name : names.value()) {
    const auto node = co_await hub_.zk.get(parent + "/" + name);
    if (!node) continue;  // gone meanwhile; the watch says so
    const auto info = model::from_json<model::KeeperHostInfo>(node.value().data);
    if (info)
      hosts[info.value().id] = info.value().admin;
    else
      kLog.warn("keeper host is unreadable", {{"node", name}, {"error", info.error().message}});
  }
  if (hosts != hub_.keeper_hosts) {
    hub_.keeper_hosts = std::move(hosts);
    for (auto& [key, shard] : shards_) shard->wake();
  }
  co_return success();
}

Task<Result<>> Catalog::refresh_slot(int slot, std::vector<std::string> clusters) {
  // The watch is set before anything is read: what changes afterwards rings.
  PS_CO_TRY(const auto stat, co_await hub_.zk.exists(zk_paths::rev(hub_.options.dc, slot), watcher_));
  const std::int32_t rev = stat ? stat->version : kNoNode;
  Slot& seen = slots_[slot];
  const bool all_known =
      std::ranges::all_of(clusters, [&](const auto& name) { return clusters_.contains(name); });
  if (seen.rev == rev && all_known && !seen.retry) co_return success();
  seen.retry = true;  // until it worked
  bool complete = true;
  for (const auto& name : clusters) {
    if (seen.rev != rev || !clusters_.contains(name)) {
      auto loaded = co_await load_cluster(name);
      if (!loaded) {
        kLog.warn("cluster is unreadable", {{"cluster", name}, {"error", loaded.error().text()}});
        complete = false;
        continue;
      }
    }
    const auto config = clusters_.find(name);
    if (config == clusters_.end()) continue;
    auto consumed = co_await consume_events(&hub_, config->second, shards_of(name));
    if (!consumed) {
      kLog.debug("events wait", {{"cluster", name}, {"error", consumed.error().text()}});
      complete = false;
    }
  }
  if (complete) seen = Slot{rev, false};
  co_return success();
}

Task<Result<>> Catalog::load_cluster(std::string cluster) {
  auto node = co_await hub_.zk.get(zk_paths::cluster(hub_.options.dc, cluster));
  if (!node && node.error().code == Errc::not_found)
    co_return success();  // deleted meanwhile; the list's watch says so
  if (!node) co_return fail(std::move(node).error());
  PS_CO_TRY(auto config, model::from_json<model::ClusterConfig>(node.value().data));
  if (config.name != cluster)
    co_return fail(Errc::corrupt, "the node of " + cluster + " names " + config.name);
  PS_CO_TRY(const auto names, co_await hub_.zk.children(zk_paths::cluster(hub_.options.dc, cluster)));
  std::vector<model::ShardConfig> shards;
  for (const auto& name : names) {
    auto shard = co_await hub_.zk.get(zk_paths::shard(hub_.options.dc, cluster, name));
    if (!shard && shard.error().code == Errc::not_found) continue;
    if (!shard) co_return fail(std::move(shard).error());
    auto parsed = model::from_json<model::ShardConfig>(shard.value().data);
    if (!parsed) co_return fail(std::move(parsed).error().in(cluster + "/" + name));
    shards.push_back(std::move(parsed).value());
  }
  co_return apply_configs(std::move(config), std::move(shards));
}

Result<> Catalog::apply_configs(model::ClusterConfig cluster, std::vector<model::ShardConfig> shards) {
  std::set<std::string> present;
  for (auto& shard : shards) {
    const Key key{cluster.name, shard.shard};
    present.insert(shard.shard);
    if (const auto known = find(cluster.name, shard.shard)) {
      known->configure(cluster, std::move(shard));
      continue;
    }
    if (departing_.contains(key))
      return fail(Errc::unavailable, key.first + "/" + key.second + " is still departing");
    kLog.info("owning", {{"cluster", key.first}, {"shard", key.second}, {"version", shard.version}});
    const auto made = std::make_shared<Shard>(hub_, cluster, std::move(shard));
    shards_[key] = made;
    made->start();
  }
  for (const auto& shard : shards_of(cluster.name)) {
    const Key key{cluster.name, shard->shard_config().shard};
    if (!present.contains(key.second)) drop(key, true);
  }
  const std::string name = cluster.name;
  clusters_[name] = std::move(cluster);
  return success();
}

void Catalog::drop_absent(const std::set<std::string>& present) {
  std::vector<Key> gone;
  for (const auto& [key, shard] : shards_)
    if (!present.contains(key.first)) gone.push_back(key);
  for (const auto& key : gone) drop(key, owns_slot(slot_of(key.first)));
  std::erase_if(clusters_, [&](const auto& cluster) { return !present.contains(cluster.first); });
}

void Catalog::drop(Key key, bool deleted) {
  const auto found = shards_.find(key);
  if (found == shards_.end()) return;
  const auto shard = found->second;
  shards_.erase(found);
  departing_.insert(key);
  kLog.info(deleted ? "deleted" : "no longer owning", {{"cluster", key.first}, {"shard", key.second}});
  departures_.spawn("departure of " + shard->text(), depart(std::move(key), shard, deleted));
}

Task<void> Catalog::depart(Key key, std::shared_ptr<Shard> shard, bool deleted) {
  co_await shard->stop();
  hub_.shard_listener.shard_gone(shard->text());
  if (deleted) co_await shard->dismantle();
  departing_.erase(key);
  wake();
}

}  // namespace penstock::metaserver
