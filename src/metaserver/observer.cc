#include "metaserver/observer.h"

#include "common/model/keeper_report.h"
#include "metaserver/commands.h"
#include "metaserver/gather.h"

namespace penstock::metaserver {

Targets all_targets(const model::ShardConfig& shard) {
  Targets targets;
  for (const auto& keeper : shard.keepers) targets.keepers.push_back(keeper.address);
  for (const auto& redis : shard.redises) targets.redises.push_back(redis.address);
  targets.sentinels = shard.sentinel.addresses;
  targets.master_name = shard.sentinel.master_name;
  return targets;
}

Task<Observations> Observer::look(Targets targets, std::int64_t now_ms) {
  Observations seen;
  seen.keepers.resize(targets.keepers.size());
  seen.redises.resize(targets.redises.size());
  seen.sentinels.resize(targets.sentinels.size());
  std::vector<Task<void>> looks;
  for (std::size_t i = 0; i < targets.keepers.size(); ++i)
    looks.push_back(look_at_keeper(targets.keepers[i], &seen.keepers[i]));
  for (std::size_t i = 0; i < targets.redises.size(); ++i)
    looks.push_back(look_at_redis(targets.redises[i], &seen.redises[i], now_ms));
  for (std::size_t i = 0; i < targets.sentinels.size(); ++i)
    looks.push_back(look_at_sentinel(targets.sentinels[i], targets.master_name, &seen.sentinels[i], now_ms));
  co_await gather(std::move(looks));
  co_return seen;
}

Task<void> Observer::look_at_keeper(Address address, KeeperObservation* out) {
  out->address = address;
  resp::Command command{"KEEPER", "GETSTATE"};
  const auto reply = co_await RedisPool::ask(&pool_.at(address), std::move(command), probe_);
  auto& memory = keepers_[address];
  auto report =
      reply ? model::parse_keeper_report(reply.value()) : Result<model::KeeperReport>(fail(reply.error()));
  if (report) {
    memory = {};
    out->report = std::move(report).value();
    co_return;
  }
  memory.failures++;
  out->failures = memory.failures;
  out->refused = report.error().code == Errc::unavailable;
  out->error = report.error().text();
}

Task<void> Observer::look_at_redis(Address address, RedisObservation* out, std::int64_t now_ms) {
  resp::Command command{"INFO"};
  const auto reply = co_await RedisPool::ask(&pool_.at(address), std::move(command), probe_);
  auto& memory = redises_[address];
  auto seen = reply ? parse_redis(reply.value()) : Result<RedisObservation>(fail(reply.error()));
  if (seen) {
    *out = std::move(seen).value();
    if (memory.role != out->role || memory.failures > 0) memory.since_ms = now_ms;
    memory.role = out->role;
    memory.failures = 0;
    out->role_since_ms = memory.since_ms;
  } else {
    out->failures = ++memory.failures;
    out->refused = seen.error().code == Errc::unavailable;
    out->error = seen.error().text();
  }
  out->address = std::move(address);
}

Task<void> Observer::look_at_sentinel(Address address, std::string name, SentinelObservation* out,
                                      std::int64_t now_ms) {
  resp::RedisClient* client = &pool_.at(address);
  std::vector<resp::Command> commands{{"SENTINEL", "MASTER", name},
                                      {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}};
  auto replies = co_await client->pipeline(commands, probe_);
  if (!replies && replies.error().code == Errc::io)
    replies = co_await client->pipeline(std::move(commands), probe_);
  auto seen = replies && replies.value().size() == 2 ? parse_sentinel(replies.value()[0], replies.value()[1])
              : replies
                  ? Result<SentinelObservation>(fail(Errc::protocol, "SENTINEL MASTER: replies are missing"))
                  : Result<SentinelObservation>(fail(replies.error()));
  if (seen) {
    *out = std::move(seen).value();
    auto& memory = sentinels_[address];
    if (memory.master != out->master) memory = {out->master, now_ms};
    out->master_since_ms = memory.since_ms;
  } else {
    out->error = seen.error().text();
  }
  out->address = std::move(address);
}

}  // namespace penstock::metaserver
