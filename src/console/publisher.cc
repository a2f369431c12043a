#include "console/publisher.h"

#include <chrono>
#include <random>

#include "common/async/sleep.h"
#include "common/base/names.h"
#include "common/log/log.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "console/core/render.h"

namespace penstock::console {
namespace {

constexpr log::Logger kLog{"publisher"};

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string random_word() {
  std::random_device random;
  return std::to_string(random());
}

/// The node's content, nullopt when there is none.
Task<Result<std::optional<zk::Node>>> read(zk::Zk* zk, std::string path) {
  auto node = co_await zk->get(path);
  if (node) co_return std::optional(std::move(node).value());
  if (node.error().code == Errc::not_found) co_return std::optional<zk::Node>();
  co_return fail(std::move(node).error());
}

/// What is there as the model, when it is there and makes sense; something unreadable is overwritten.
template <class T>
std::optional<T> parse(const std::optional<zk::Node>& node) {
  if (!node) return std::nullopt;
  auto value = model::from_json<T>(node->data);
  return value ? std::optional(std::move(value).value()) : std::nullopt;
}

}  // namespace

Publisher::Publisher(Executor executor, Database& database, Options options)
    : executor_(executor),
      database_(database),
      options_(std::move(options)),
      bell_(executor),
      instance_(random_word()),
      tasks_(executor) {}
Publisher::~Publisher() = default;

void Publisher::start() {
  tasks_.spawn("publisher", loop());
}
void Publisher::wake() {
  bell_.ring();
}

Task<void> Publisher::stop() {
  co_await tasks_.stop();
  for (auto& [name, target] : targets_) co_await target.session->stop();
}

std::map<std::string, std::string> Publisher::problems() const {
  std::map<std::string, std::string> problems;
  for (const auto& [name, target] : targets_)
    if (!target.problem.empty()) problems[name] = target.problem;
  return problems;
}

Task<void> Publisher::loop() {
  for (;;) {
    auto inventory = co_await database_.run([](Store& store) { return store.inventory(); });
    if (!inventory) {
      kLog.error("inventory cannot be read", {{"why", inventory.error().message}});
    } else {
      co_await reconcile_targets(inventory.value());
      for (auto& [name, target] : targets_) {
        if (!inventory.value().dc(name)) continue;
        auto pushed = co_await push(&target, inventory.value());
        const std::string problem = pushed ? "" : pushed.error().message;
        if (!pushed && pushed.error().code == Errc::cancelled) co_return;
        if (problem != target.problem && !problem.empty())
          kLog.warn("data center is behind", {{"dc", name}, {"why", problem}});
        if (problem.empty() && !target.problem.empty())
          kLog.info("data center is up to date", {{"dc", name}});
        target.problem = problem;
      }
    }
    if (auto waited = co_await bell_.wait_for(options_.publish_interval); !waited) co_return;
  }
}

/// A session for each DC of the inventory, none for others.
Task<void> Publisher::reconcile_targets(Inventory inventory) {
  for (auto target = targets_.begin(); target != targets_.end();) {
    const Dc* dc = inventory.dc(target->first);
    const bool moved =
        !dc || dc->zookeeper != target->second.dc.zookeeper || dc->chroot != target->second.dc.chroot;
    if (!moved) {
      target->second.dc = *dc;
      ++target;
      continue;
    }
    co_await target->second.session->stop();
    target = targets_.erase(target);
  }
  for (const Dc& dc : inventory.dcs) {
    if (targets_.contains(dc.name)) continue;
    Target& target = targets_[dc.name];
    target.dc = dc;
    target.session = zk::open_session(executor_, {dc.zookeeper, dc.chroot, options_.zookeeper_session_timeout,
                                                  options_.zookeeper_session_timeout * 2 / 3});
  }
}

Task<Result<>> Publisher::push(Target* target, Inventory inventory) {
  if (!target->session->connected())
    co_return fail(Errc::unavailable, "zookeeper " + target->dc.zookeeper + " is not connected");
  for (const std::string& path : {zk_paths::clusters(target->dc.name), zk_paths::revs(target->dc.name)}) {
    PS_CO_TRY(co_await zk::ensure_path(*target->session, path));
  }
  for (const Cluster& cluster : inventory.clusters) {
    if (!cluster.has_dc(target->dc.name)) continue;
    PS_CO_TRY(co_await push_cluster(target, inventory, cluster));
  }
  co_return co_await push_removals(target);
}

/// Adds the bump of the cluster's rev node: the one thing that owners watch.
Task<Result<>> Publisher::add_revision(Target* target, std::string cluster, std::vector<zk::Op>* operations) {
  const std::string path = zk_paths::rev(target->dc.name, slot_of(cluster));
  PS_CO_TRY(auto node, co_await read(target->session.get(), path));
  const std::string value = std::to_string(wall_ms());
  operations->push_back(node ? zk::Op::set(path, value, zk::kAnyVersion) : zk::Op::create(path, value));
  co_return success();
}

Task<Result<>> Publisher::push_cluster(Target* target, Inventory inventory, Cluster cluster) {
  const std::string& dc = target->dc.name;
  const std::string path = zk_paths::cluster(dc, cluster.name);
  const model::ClusterConfig wanted = render_cluster(inventory, cluster, dc);
  PS_CO_TRY(auto node, co_await read(target->session.get(), path));
  const auto there = parse<model::ClusterConfig>(node);
  if (there != wanted) {
    if (there && there->version > wanted.version)
      co_return fail(Errc::conflict, path + " has version " + std::to_string(there->version) +
                                         ", this console's is older: " + std::to_string(wanted.version));
    for (const std::string& parent :
         {zk_paths::states(dc, cluster.name), zk_paths::events(dc, cluster.name)}) {
      PS_CO_TRY(co_await zk::ensure_path(*target->session, parent));
    }
    std::vector<zk::Op> operations;
    operations.push_back(node ? zk::Op::set(path, model::to_json(wanted), node->stat.version)
                              : zk::Op::create(path, model::to_json(wanted)));
    PS_CO_TRY(co_await add_revision(target, cluster.name, &operations));
    const bool active_moved = there && there->active_dc != wanted.active_dc;
    if (active_moved && !wanted.shards.empty()) {
      model::Event event;
      event.type = "configChanged";
      event.id = instance_ + "-" + std::to_string(++event_serial_);
      event.version = wanted.version;
      event.at_ms = wall_ms();
      event.by = "console";
      event.payload = {{"activeDc", wanted.active_dc}};
      operations.push_back(zk::Op::create(zk_paths::new_event(dc, cluster.name), model::to_json(event),
                                          zk::CreateMode::persistent_sequential));
    }
    PS_CO_TRY(co_await target->session->multi(std::move(operations)));
    kLog.info("pushed", {{"dc", dc}, {"cluster", cluster.name}, {"version", wanted.version}});
  }
  for (const Shard& shard : cluster.shards) {
    PS_CO_TRY(co_await push_shard(target, inventory, cluster, shard));
  }
  co_return success();
}

Task<Result<>> Publisher::push_shard(Target* target, Inventory inventory, Cluster cluster, Shard shard) {
  const std::string& dc = target->dc.name;
  const std::string path = zk_paths::shard(dc, cluster.name, shard.name);
  const model::ShardConfig wanted = render_shard(inventory, cluster, shard, dc);
  PS_CO_TRY(auto node, co_await read(target->session.get(), path));
  const auto there = parse<model::ShardConfig>(node);
  if (there == wanted) co_return success();
  if (there && there->version > wanted.version)
    co_return fail(Errc::conflict, path + " has version " + std::to_string(there->version) +
                                       ", this console's is older: " + std::to_string(wanted.version));
  for (const std::string& parent : {zk_paths::keeper_elector(dc, cluster.name, shard.name),
                                    zk_paths::decisions(cluster.name, shard.name)}) {
    PS_CO_TRY(co_await zk::ensure_path(*target->session, parent));
  }
  std::vector<zk::Op> operations;
  operations.push_back(node ? zk::Op::set(path, model::to_json(wanted), node->stat.version)
                            : zk::Op::create(path, model::to_json(wanted)));
  PS_CO_TRY(co_await add_revision(target, cluster.name, &operations));
  for (model::Event& event : events_of(there, wanted)) {
    event.id = instance_ + "-" + std::to_string(++event_serial_);
    event.at_ms = wall_ms();
    event.by = "console";
    operations.push_back(zk::Op::create(zk_paths::new_event(dc, cluster.name), model::to_json(event),
                                        zk::CreateMode::persistent_sequential));
  }
  PS_CO_TRY(co_await target->session->multi(std::move(operations)));
  kLog.info("pushed",
            {{"dc", dc}, {"cluster", cluster.name}, {"shard", shard.name}, {"version", wanted.version}});
  co_return success();
}

Task<Result<>> Publisher::push_removals(Target* target) {
  PS_CO_TRY(auto tombstones, co_await database_.run([](Store& store) { return store.tombstones(); }));
  // Shards before their cluster.
  std::ranges::sort(tombstones, std::greater{}, &Tombstone::shard);
  for (const Tombstone& tombstone : tombstones) {
    const std::string& dc = target->dc.name;
    if (tombstone.dc != dc) continue;
    const std::string path = tombstone.shard.empty()
                                 ? zk_paths::cluster(dc, tombstone.cluster)
                                 : zk_paths::shard(dc, tombstone.cluster, tombstone.shard);
    PS_CO_TRY(auto node, co_await read(target->session.get(), path));
    if (node) {
      std::vector<zk::Op> operations{zk::Op::remove(path, node->stat.version)};
      PS_CO_TRY(co_await add_revision(target, tombstone.cluster, &operations));
      PS_CO_TRY(co_await target->session->multi(std::move(operations)));
      kLog.info("removed", {{"dc", dc}, {"path", path}});
    }
    PS_CO_TRY(co_await database_.run([tombstone](Store& store) { return store.bury(tombstone); }));
  }
  co_return success();
}

Task<Result<std::uint32_t>> Publisher::highest_epoch(std::string dc, std::string cluster) {
  const auto found = targets_.find(dc);
  if (found == targets_.end() || !found->second.session->connected())
    co_return fail(Errc::unavailable, "zookeeper of data center '" + dc + "' is not reachable");
  zk::Zk* zk = found->second.session.get();
  std::uint32_t highest = 0;
  PS_CO_TRY(auto config, co_await read(zk, zk_paths::cluster(dc, cluster)));
  if (const auto there = parse<model::ClusterConfig>(config)) highest = there->cluster_epoch;
  auto shards = co_await zk->children(zk_paths::states(dc, cluster));
  if (!shards) {
    if (shards.error().code == Errc::not_found) co_return highest;
    co_return fail(std::move(shards).error());
  }
  for (const std::string& shard : shards.value()) {
    PS_CO_TRY(auto state, co_await read(zk, zk_paths::state(dc, cluster, shard)));
    if (const auto there = parse<model::ShardState>(state)) highest = std::max(highest, there->epoch.cluster);
  }
  co_return highest;
}

}  // namespace penstock::console
