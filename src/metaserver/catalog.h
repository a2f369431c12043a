// Which clusters this server owns, their configuration, and their events. Watches one `rev` node per owned
// slot, the list of clusters and the keeper hosts; everything is read again on a timer as well.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "metaserver/shard.h"

namespace penstock::metaserver {

class Catalog {
 public:
  explicit Catalog(Hub& hub);

  void start();
  Task<void> stop();
  /// Membership or session has changed: look again soon.
  void wake() { bell_.ring(); }

  /// nullptr: not owned here, or not loaded yet.
  std::shared_ptr<Shard> find(const std::string& cluster, const std::string& shard) const;
  std::vector<std::shared_ptr<Shard>> shards_of(const std::string& cluster) const;
  /// Of the other data centers of the clusters that are owned here.
  std::set<Address> peer_metaservers() const;
  std::size_t size() const { return shards_.size(); }
  /// Whether the configuration was read once since this server has a slot table.
  bool loaded() const { return loaded_; }

 private:
  using Key = std::pair<std::string, std::string>;  // cluster, shard
  struct Slot {
    std::optional<std::int32_t>
        rev;             ///< of the rev node when its clusters were last read; -1: there was none
    bool retry = false;  ///< an event could not be consumed yet
  };

  Task<void> run();
  Task<Result<>> refresh();
  Task<Result<>> refresh_keeper_hosts();
  Task<Result<>> refresh_slot(int slot, std::vector<std::string> clusters);
  Task<Result<>> load_cluster(std::string cluster);
  Result<> apply_configs(model::ClusterConfig cluster, std::vector<model::ShardConfig> shards);
  void drop(Key key, bool deleted);
  void drop_absent(const std::set<std::string>& present);
  Task<void> depart(Key key, std::shared_ptr<Shard> shard, bool deleted);
  bool owns_slot(int slot) const;

  Hub& hub_;
  Wakeup bell_;
  TaskGroup tasks_;
  TaskGroup departures_;
  zk::Watcher watcher_;
  zk::Watcher hosts_watcher_;
  std::map<Key, std::shared_ptr<Shard>> shards_;
  std::set<Key>
      departing_;  ///< their last orders may still be under way: not taken again before they have ended
  std::map<std::string, model::ClusterConfig> clusters_;
  std::map<int, Slot> slots_;
  bool hosts_stale_ = true;
  bool loaded_ = false;
  std::uint64_t generation_ = 0;
  std::int64_t resync_at_ms_ = 0;
};

}  // namespace penstock::metaserver
