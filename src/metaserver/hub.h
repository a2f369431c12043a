// What the parts of one metaserver share. Everything in it outlives them.
#pragma once

#include <map>
#include <string>

#include "common/async/task_group.h"
#include "common/metrics/metrics.h"
#include "common/zk/zk.h"
#include "metaserver/membership/membership.h"
#include "metaserver/options.h"

namespace penstock::metaserver {

class Shard;

/// Whom the shards of this server tell about themselves.
class ShardListener {
 public:
  virtual ~ShardListener() = default;
  virtual void shard_seen(const Shard& shard) = 0;       ///< its recorded state or its newest look may be new
  virtual void shard_gone(const std::string& name) = 0;  ///< not owned any more
};

struct Hub {
  Executor executor;
  const Options& options;
  zk::Zk& zk;
  Membership& membership;
  metrics::Registry& metrics;
  TaskGroup& background;                        ///< notifications and the like: nobody waits for them
  std::map<std::string, Address> keeper_hosts;  ///< registered hosts: id → admin address; kept by the catalog
  ShardListener& shard_listener;
};

inline std::int64_t mono_ms() {
  return std::chrono::duration_cast<Millis>(MonoClock::now().time_since_epoch()).count();
}
inline std::int64_t wall_ms() {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace penstock::metaserver
