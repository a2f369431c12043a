// The console's database. Synchronous: called on the database thread only (see database.h). Every change is
// one transaction; a change of intent raises the revision and the versions of what it touches.
//
// Errors: io with the database's words; conflict where a row exists already.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "console/core/inventory.h"
#include "console/core/switch_operation.h"

namespace penstock::console {

struct Webhook {
  std::int64_t id = 0;
  std::string url;
  std::vector<std::string> events;  ///< empty: all
};

/// Something that the world is told: a master or an active DC has moved.
struct Notification {
  std::int64_t id = 0;
  std::string type;  ///< redisMasterChanged | activeDcChanged
  std::string dc, cluster, shard, from, to;
  std::int64_t epoch = 0;
  std::int64_t at_ms = 0;
  std::string by;
};

struct Delivery {
  std::int64_t id = 0;
  std::string url;
  Notification notification;
  int attempts = 0;
};

/// A config that was removed: its znodes are to be removed from this DC.
struct Tombstone {
  std::string dc, cluster, shard;  ///< shard empty: the cluster's own node
};

class Store {
 public:
  /// "sqlite3:///absolute/path.db". unsupported: another backend. Migrates to the newest schema.
  static Result<std::unique_ptr<Store>> open(const std::string& url);
  virtual ~Store() = default;

  virtual Result<Inventory> inventory() = 0;
  virtual Result<> add_dc(const Dc& dc) = 0;
  virtual Result<> remove_dc(const std::string& dc) = 0;
  virtual Result<> add_cluster(const Cluster& cluster) = 0;
  virtual Result<> remove_cluster(const std::string& cluster) = 0;
  virtual Result<> add_shard(const std::string& cluster, const std::string& shard) = 0;
  virtual Result<> remove_shard(const std::string& cluster, const std::string& shard) = 0;
  virtual Result<> add_redis(const std::string& cluster, const std::string& shard, const Redis& redis) = 0;
  virtual Result<> remove_redis(const std::string& cluster, const std::string& shard, const std::string& dc,
                                const Address& address) = 0;
  virtual Result<> add_keeper(const std::string& cluster, const std::string& shard, const Keeper& keeper) = 0;
  virtual Result<> remove_keeper(const std::string& cluster, const std::string& shard, const std::string& dc,
                                 const Address& address) = 0;
  virtual Result<std::vector<Tombstone>> tombstones() = 0;
  virtual Result<> bury(const Tombstone& tombstone) = 0;  ///< its znodes are gone

  /// Raises the cluster's epoch to `epoch`, which no later switch uses again. conflict when it is not higher.
  virtual Result<> take_cluster_epoch(const std::string& cluster, std::uint32_t epoch) = 0;
  /// The intent after a switch: `active` is the active DC, whoever was it is a backup DC.
  virtual Result<> set_active_dc(const std::string& cluster, const std::string& active) = 0;

  virtual Result<> save_operation(const Operation& operation) = 0;
  virtual Result<std::optional<Operation>> operation(const std::string& id) = 0;
  virtual Result<std::vector<Operation>> operations(int limit) = 0;  ///< newest first
  virtual Result<std::vector<Operation>> running_operations() = 0;

  virtual Result<Webhook> add_webhook(const Webhook& webhook) = 0;  ///< the same URL again: what is there
  virtual Result<std::vector<Webhook>> webhooks() = 0;
  virtual Result<bool> remove_webhook(std::int64_t id) = 0;

  /// Stores it and queues it for every webhook that wants it, unless the shard's last known fact says the
  /// same already. True when it was new.
  virtual Result<bool> notify(const Notification& notification) = 0;
  virtual Result<std::vector<Notification>> notifications(int limit) = 0;
  virtual Result<std::vector<Delivery>> due_deliveries(std::int64_t now_ms, int limit) = 0;
  virtual Result<> delivered(std::int64_t id) = 0;
  virtual Result<> put_off(std::int64_t id, std::int64_t until_ms) = 0;
  /// The last known "to" of notifications of this type for this shard; nullopt: nothing known yet.
  virtual Result<std::optional<std::string>> fact(const std::string& type, const std::string& cluster,
                                                  const std::string& shard) = 0;
  virtual Result<> set_fact(const std::string& type, const std::string& cluster, const std::string& shard,
                            const std::string& value) = 0;
};

}  // namespace penstock::console
