#include "metaserver/events.h"

#include "common/log/log.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "metaserver/core/event_application.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"events"};

using Shards = std::vector<std::shared_ptr<Shard>>;

Shards concerned(const model::Event& event, const Shards& all) {
  if (event.shard.empty()) return all;
  Shards some;
  for (const auto& shard : all)
    if (shard->shard_config().shard == event.shard) some.push_back(shard);
  return some;
}

void act_on(const EventVerdict& verdict, Shard& shard) {
  if (verdict.master_hint) shard.hint_master(*verdict.master_hint);
  if (verdict.ask_peers) shard.ask_peers_now();
  shard.wake();
}

void say(const std::string& cluster, const model::EventOutcome& outcome) {
  kLog.info(outcome.applied ? "applied" : "rejected", {{"cluster", cluster},
                                                       {"type", outcome.type},
                                                       {"id", outcome.id},
                                                       {"version", outcome.version},
                                                       {"reason", outcome.reason}});
}

Task<Result<>> take_locks(Shards shards, std::vector<Lock::Held>* held) {
  for (const auto& shard : shards) {
    PS_CO_TRY(auto one, co_await shard->lock().take());
    held->push_back(std::move(one));
    if (!shard->in_office() || !shard->owned(shard->hub().options.timing.order))
      co_return fail(Errc::unavailable, shard->text() + ": not in office yet");
  }
  co_return success();
}

/// One multi: the event goes, each concerned shard's /state gets the outcome.
Task<Result<>> consume(Hub* hub, std::string path, std::int32_t version, Shards shards,
                       std::vector<EventVerdict> verdicts) {
  std::vector<Lock::Held> held;
  PS_CO_TRY(co_await take_locks(shards, &held));
  std::vector<zk::Op> operations{zk::Op::remove(path, version)};
  std::vector<StoredState> next;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    StoredState stored = shards[i]->stored();
    known(stored.state).last_event = verdicts[i].outcome;
    known(stored.state).owner = hub->options.id;
    operations.push_back(
        zk::Op::set(shards[i]->store().path(), model::to_json(known(stored.state)), stored.version));
    stored.version++;
    next.push_back(std::move(stored));
  }
  auto done = co_await hub->zk.multi(std::move(operations));
  if (!done) {
    for (const auto& shard : shards) shard->forget_state();
    co_return fail(std::move(done).error().in(path));
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    shards[i]->adopt_state(std::move(next[i]));
    act_on(verdicts[i], *shards[i]);
  }
  co_return success();
}

Task<Result<>> consume_node(Hub* hub, std::string path, std::string name, model::ClusterConfig cluster,
                            Shards all) {
  auto node = co_await hub->zk.get(path);
  if (!node && node.error().code == Errc::not_found) co_return success();
  if (!node) co_return fail(std::move(node).error());
  const auto event = model::from_json<model::Event>(node.value().data);
  const Shards shards = event ? concerned(event.value(), all) : all;
  if (event && !event.value().shard.empty() && shards.empty()) {
    // New, and the catalog has not met it yet? Then the event waits until its outcome can be recorded.
    const auto config = zk_paths::shard(hub->options.dc, cluster.name, event.value().shard);
    PS_CO_TRY(const auto there, co_await hub->zk.exists(config));
    if (there) co_return fail(Errc::unavailable, config + " is not loaded yet");
  }
  std::vector<EventVerdict> verdicts;
  for (const auto& shard : shards)
    verdicts.push_back(event ? apply_event(event.value(), cluster, shard->shard_config())
                             : EventVerdict{reject_unreadable(name, event.error().message), {}, false});
  // For a shard that does not exist there is no state to record in; the log has to do.
  const auto outcome = !verdicts.empty() ? verdicts.front().outcome
                       : event           ? apply_event(event.value(), cluster, std::nullopt).outcome
                                         : reject_unreadable(name, event.error().message);
  PS_CO_TRY(co_await consume(hub, path, node.value().stat.version, shards, std::move(verdicts)));
  say(cluster.name, outcome);
  hub->metrics
      .counter("penstock_metaserver_events_total", "Events consumed",
               {{"outcome", outcome.applied ? "applied" : "rejected"}})
      .add();
  co_return success();
}

}  // namespace

Task<Result<>> consume_events(Hub* hub, model::ClusterConfig cluster, Shards shards) {
  const std::string parent = zk_paths::events(hub->options.dc, cluster.name);
  auto names = co_await hub->zk.children(parent);
  if (!names && names.error().code == Errc::not_found) co_return success();
  if (!names) co_return fail(std::move(names).error());
  for (const auto& name : names.value()) {
    PS_CO_TRY(co_await consume_node(hub, parent + "/" + name, name, cluster, shards));
  }
  co_return success();
}

}  // namespace penstock::metaserver
