// What the console sees of the world: the master of each shard, asked every few seconds. A change that no
// metaserver has told us about becomes a notification all the same.
#pragma once

#include <map>
#include <string>

#include "common/async/task_group.h"
#include "console/database.h"
#include "console/notifier.h"
#include "console/options.h"

namespace penstock::console {

struct SeenShard {
  std::string dc;      ///< the active DC, as a metaserver says
  std::string master;  ///< "ip:port"
  std::string error;   ///< why nothing could be seen
};

class Watcher {
 public:
  Watcher(Executor executor, Database& database, Notifier& notifier, Options options);

  void start();
  Task<void> stop();
  /// The last look: (cluster, shard) → what was seen.
  const std::map<std::pair<std::string, std::string>, SeenShard>& seen() const { return seen_; }

 private:
  Task<void> loop();
  Task<SeenShard> look(Inventory inventory, Cluster cluster, std::string shard);
  Task<Result<>> compare(std::string type, std::string cluster, std::string shard, std::string dc,
                         std::string value, std::int64_t epoch);

  Database& database_;
  Notifier& notifier_;
  Options options_;
  std::map<std::pair<std::string, std::string>, SeenShard> seen_;
  std::map<std::pair<std::string, std::string>, std::int64_t> epochs_;
  TaskGroup tasks_;
};

}  // namespace penstock::console
