// The schema, step by step. A step that has been released is never changed; a new one is added behind it.
#pragma once

#include <string_view>
#include <vector>

namespace penstock::console {

struct Migration {
  int version;
  std::vector<std::string_view> statements;
};

inline const std::vector<Migration>& migrations() {
  static const std::vector<Migration> all = {
      {1,
       {
           "CREATE TABLE settings (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL)",
           "INSERT INTO settings (name, value) VALUES ('revision', '0')",
           "CREATE TABLE dcs (name VARCHAR(64) PRIMARY KEY, zookeeper VARCHAR(255) NOT NULL, chroot "
           "VARCHAR(255) NOT NULL, "
           "metaservers VARCHAR(2000) NOT NULL, sentinels VARCHAR(2000) NOT NULL, sentinel_quorum INTEGER "
           "NOT NULL, "
           "sentinel_reconfig_script VARCHAR(1000) NOT NULL, sentinel_down_after_ms BIGINT NOT NULL, "
           "sentinel_failover_timeout_ms BIGINT NOT NULL)",
           "CREATE TABLE clusters (name VARCHAR(64) PRIMARY KEY, active_dc VARCHAR(64) NOT NULL, mode "
           "VARCHAR(16) NOT NULL, "
           "policy VARCHAR(16) NOT NULL, cluster_epoch BIGINT NOT NULL, version BIGINT NOT NULL)",
           "CREATE TABLE cluster_dcs (cluster VARCHAR(64) NOT NULL, dc VARCHAR(64) NOT NULL, position "
           "INTEGER NOT NULL, "
           "PRIMARY KEY (cluster, dc))",
           "CREATE TABLE shards (cluster VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL, version BIGINT NOT "
           "NULL, "
           "PRIMARY KEY (cluster, name))",
           "CREATE TABLE redises (address VARCHAR(64) PRIMARY KEY, cluster VARCHAR(64) NOT NULL, shard "
           "VARCHAR(64) NOT NULL, "
           "dc VARCHAR(64) NOT NULL, initial_master INTEGER NOT NULL)",
           "CREATE TABLE keepers (address VARCHAR(64) PRIMARY KEY, cluster VARCHAR(64) NOT NULL, shard "
           "VARCHAR(64) NOT NULL, "
           "dc VARCHAR(64) NOT NULL, host VARCHAR(64) NOT NULL, priority INTEGER NOT NULL)",
           "CREATE TABLE tombstones (dc VARCHAR(64) NOT NULL, cluster VARCHAR(64) NOT NULL, shard "
           "VARCHAR(64) NOT NULL, "
           "PRIMARY KEY (dc, cluster, shard))",
           "CREATE TABLE operations (id VARCHAR(64) PRIMARY KEY, cluster VARCHAR(64) NOT NULL, state "
           "VARCHAR(16) NOT NULL, "
           "started_ms BIGINT NOT NULL, record TEXT NOT NULL)",
           "CREATE TABLE webhooks (id INTEGER PRIMARY KEY, url VARCHAR(1000) NOT NULL UNIQUE, events "
           "VARCHAR(1000) NOT NULL)",
           "CREATE TABLE notifications (id INTEGER PRIMARY KEY, type VARCHAR(64) NOT NULL, dc VARCHAR(64) "
           "NOT NULL, "
           "cluster VARCHAR(64) NOT NULL, shard VARCHAR(64) NOT NULL, from_value VARCHAR(255) NOT NULL, "
           "to_value VARCHAR(255) NOT NULL, epoch BIGINT NOT NULL, at_ms BIGINT NOT NULL, by_whom "
           "VARCHAR(64) NOT NULL)",
           "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, webhook BIGINT NOT NULL, notification BIGINT "
           "NOT NULL, "
           "attempts INTEGER NOT NULL, due_ms BIGINT NOT NULL)",
           "CREATE TABLE facts (type VARCHAR(64) NOT NULL, cluster VARCHAR(64) NOT NULL, shard VARCHAR(64) "
           "NOT NULL, "
           "value VARCHAR(255) NOT NULL, PRIMARY KEY (type, cluster, shard))",
       }},
  };
  return all;
}

}  // namespace penstock::console
