// Runs planned switches: walks core/switch_operation with real calls, persists the record around each of
// them, and goes on after a restart.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/async/broadcast.h"
#include "common/async/task_group.h"
#include "console/core/switch_operation.h"
#include "console/database.h"
#include "console/publisher.h"

namespace penstock::console {

struct PrecheckProblem {
  std::string shard, dc, side, code, detail;
};

/// Where a shard is writable now.
struct ShardPlace {
  std::string shard, dc;
};

class SwitchRunner {
 public:
  SwitchRunner(Executor executor, Database& database, Publisher& publisher);

  /// Takes up the operations that a killed console left running.
  Task<Result<>> start();
  Task<void> stop();

  /// The shards that are not at `target` yet, by what their data centers record: all of them usually, the
  /// rest of them in a split cluster, which the same request so continues or switches back. Errors:
  /// unavailable, naming the shard.
  Task<Result<std::vector<ShardPlace>>> shards_to_move(Inventory inventory, std::string cluster,
                                                       std::string target);
  /// Step 0 of these shards: what is in the way. Changes nothing.
  Task<std::vector<PrecheckProblem>> precheck(Inventory inventory, std::string cluster, std::string target,
                                              std::vector<ShardPlace> shards);
  /// Begins a switch that was pre-checked. conflict: another one runs on this cluster; unavailable: no epoch
  /// can be had.
  Task<Result<Operation>> begin(Inventory inventory, std::string cluster, std::string target,
                                std::vector<ShardPlace> shards, std::string reason);
  bool is_running(const std::string& cluster) const { return running_.contains(cluster); }

 private:
  struct Run {
    Operation operation;
    std::map<std::string, std::vector<Address>> metaservers;  ///< by DC
    std::size_t shards_left = 0;
    Broadcast moved;  ///< a shard has got further
  };

  Task<Result<std::uint32_t>> next_epoch(Inventory inventory, const Cluster cluster);
  Result<> launch(const Inventory& inventory, Operation operation);
  Task<void> run_shard(std::shared_ptr<Run> run, std::size_t index);
  Task<void> finish(std::shared_ptr<Run> run);
  Task<Answer> carry_out(std::shared_ptr<Run> run, std::size_t index, Call call);
  Task<Result<>> save(std::shared_ptr<Run> run);

  Executor executor_;
  Database& database_;
  Publisher& publisher_;
  std::map<std::string, std::shared_ptr<Run>> running_;  ///< by cluster
  TaskGroup tasks_;
};

}  // namespace penstock::console
