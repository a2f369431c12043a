#include "console/watcher.h"

#include <chrono>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"
#include "console/metaservers.h"

namespace penstock::console {
namespace {

constexpr log::Logger kLog{"watcher"};
constexpr Millis kLimit{2'000};

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Watcher::Watcher(Executor executor, Database& database, Notifier& notifier, Options options)
    : database_(database), notifier_(notifier), options_(std::move(options)), tasks_(executor) {}

void Watcher::start() {
  tasks_.spawn("watcher", loop());
}
Task<void> Watcher::stop() {
  co_await tasks_.stop();
}

Task<void> Watcher::loop() {
  for (;;) {
    auto inventory = co_await database_.run([](Store& store) { return store.inventory(); });
    if (inventory) {
      for (const Cluster& cluster : inventory.value().clusters)
        for (const Shard& shard : cluster.shards) {
          const std::pair key(cluster.name, shard.name);
          SeenShard now = co_await look(inventory.value(), cluster, shard.name);
          if (now.error.empty()) {
            const std::int64_t epoch = epochs_[key];
            auto told = co_await compare("activeDcChanged", cluster.name, shard.name, now.dc, now.dc, epoch);
            if (told)
              told =
                  co_await compare("redisMasterChanged", cluster.name, shard.name, now.dc, now.master, epoch);
            if (!told) kLog.error("what was seen cannot be stored", {{"why", told.error().message}});
          }
          seen_[key] = std::move(now);
        }
    }
    if (auto slept = co_await sleep_for(options_.watch_interval); !slept) co_return;
  }
}

/// Any data center of the cluster knows the master; the active one is asked first.
Task<SeenShard> Watcher::look(Inventory inventory, Cluster cluster, std::string shard) {
  SeenShard seen;
  for (const std::string& dc : cluster.dcs()) {
    const Dc* place = inventory.dc(dc);
    if (!place) continue;
    auto answer =
        co_await ask_metaservers(place->metaservers, http::Method::get,
                                 "/api/" + cluster.name + "/" + shard + "/redis/master", "", kLimit);
    if (!answer || answer.value().status != 200) {
      seen.error = answer ? answer.value().body : answer.error().message;
      continue;
    }
    auto json = model::parse_json(answer.value().body);
    if (!json) continue;
    model::ObjectReader in(json.value());
    seen.dc = in.string("dc", "");
    seen.master = in.string("address", "");
    epochs_[{cluster.name, shard}] = in.integer("epoch", 0, INT64_MAX, 0);
    if (seen.dc.empty() || seen.master.empty() || in.boolean("stale", false)) {
      seen.error = "no fresh answer from data center '" + dc + "'";
      continue;
    }
    seen.error.clear();
    break;
  }
  co_return seen;
}

/// The first sight of a shard is nothing new; a later change is.
Task<Result<>> Watcher::compare(std::string type, std::string cluster, std::string shard, std::string dc,
                                std::string value, std::int64_t epoch) {
  auto read = [type, cluster, shard](Store& store) { return store.fact(type, cluster, shard); };
  PS_CO_TRY(auto known, co_await database_.run(std::move(read)));
  if (!known) {
    auto write = [type, cluster, shard, value](Store& store) {
      return store.set_fact(type, cluster, shard, value);
    };
    co_return co_await database_.run(std::move(write));
  }
  if (*known == value) co_return success();
  Notification notification{0, type, dc, cluster, shard, *known, value, epoch, wall_ms(), "console"};
  PS_CO_TRY(co_await notifier_.take(std::move(notification)));
  co_return success();
}

}  // namespace penstock::console
