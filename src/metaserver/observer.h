// Looks at a shard's keepers, Redis servers and Sentinels, all at once, each with its own deadline.
#pragma once

#include <map>

#include "metaserver/core/shard_view.h"
#include "metaserver/redis_pool.h"

namespace penstock::metaserver {

/// Which addresses a look goes to.
struct Targets {
  std::vector<Address> keepers, redises, sentinels;
  std::string master_name;
};
Targets all_targets(const model::ShardConfig& shard);

struct Observations {
  std::vector<KeeperObservation> keepers;
  std::vector<RedisObservation> redises;
  std::vector<SentinelObservation> sentinels;
};

/// Remembers between looks what a single one cannot tell: failures in a row, since when a role is seen. One
/// look at a time.
class Observer {
 public:
  Observer(Executor executor, Millis probe) : pool_(std::move(executor)), probe_(probe) {}

  /// `now_ms` is the caller's monotonic clock, for the since_ms fields. Never fails: what does not answer
  /// says so.
  Task<Observations> look(Targets targets, std::int64_t now_ms);

 private:
  struct KeeperMemory {
    int failures = 0;
    bool refused = false;
  };
  struct RoleMemory {
    RedisRole role = RedisRole::unknown;
    std::int64_t since_ms = 0;
    int failures = 0;
  };
  struct MasterMemory {
    Address master;
    std::int64_t since_ms = 0;
  };

  Task<void> look_at_keeper(Address address, KeeperObservation* out);
  Task<void> look_at_redis(Address address, RedisObservation* out, std::int64_t now_ms);
  Task<void> look_at_sentinel(Address address, std::string name, SentinelObservation* out,
                              std::int64_t now_ms);

  RedisPool pool_;
  Millis probe_;
  std::map<Address, KeeperMemory> keepers_;
  std::map<Address, RoleMemory> redises_;
  std::map<Address, MasterMemory> sentinels_;
};

}  // namespace penstock::metaserver
