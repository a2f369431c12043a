// Intent → each data center's ZooKeeper. Level-triggered: what is there is compared with what shall be there,
// and what differs is written; a lost push, a DC that was away, a restart of the console all heal by the next
// comparison.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "common/zk/zk.h"
#include "console/database.h"
#include "console/options.h"

namespace penstock::console {

class Publisher {
 public:
  Publisher(Executor executor, Database& database, Options options);
  ~Publisher();

  void start();
  Task<void> stop();
  /// Something has changed: compare now.
  void wake();

  /// The DCs whose ZooKeeper is not reachable, or whose last push failed; for /readyz and the topology.
  std::map<std::string, std::string> problems() const;
  /// The highest cluster epoch that `dc`'s ZooKeeper knows for a cluster, in config or state; 0: nothing
  /// there.
  Task<Result<std::uint32_t>> highest_epoch(std::string dc, std::string cluster);

 private:
  struct Target {
    Dc dc;
    std::unique_ptr<zk::Session> session;
    std::string problem = "not pushed yet";
  };

  Task<void> loop();
  Task<void> reconcile_targets(Inventory inventory);
  Task<Result<>> push(Target* target, Inventory inventory);
  Task<Result<>> push_cluster(Target* target, Inventory inventory, Cluster cluster);
  Task<Result<>> push_shard(Target* target, Inventory inventory, Cluster cluster, Shard shard);
  Task<Result<>> push_removals(Target* target);
  Task<Result<>> add_revision(Target* target, std::string cluster, std::vector<zk::Op>* operations);

  Executor executor_;
  Database& database_;
  Options options_;
  Wakeup bell_;
  std::map<std::string, Target> targets_;
  std::int64_t event_serial_ = 0;
  std::string instance_;  ///< makes event ids unique across restarts
  TaskGroup tasks_;
};

}  // namespace penstock::console
