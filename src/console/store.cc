#include "console/store.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>

#include "console/migrations.h"
#include "console/operation_json.h"

namespace penstock::console {
namespace {

constexpr std::string_view kSqlite = "sqlite3://";

std::string join(const std::vector<Address>& addresses) {
  std::string out;
  for (const Address& address : addresses) out += (out.empty() ? "" : ",") + address.text();
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    out.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

/// What we wrote ourselves: an address that does not parse means that somebody else wrote to the database.
Result<Address> stored_address(const std::string& text) {
  auto address = parse_address(text);
  if (!address) return fail(Errc::corrupt, "database: " + address.error().message);
  return address;
}

Result<std::vector<Address>> stored_addresses(const std::string& text) {
  std::vector<Address> out;
  for (const std::string& part : split(text)) {
    PS_TRY(auto address, stored_address(part));
    out.push_back(std::move(address));
  }
  return out;
}

class SociStore : public Store {
 public:
  explicit SociStore(const std::string& path)
      : sql_(soci::sqlite3, "dbname=" + path + " timeout=5 shared_cache=false") {
    sql_ << "PRAGMA journal_mode=WAL";
    sql_ << "PRAGMA synchronous=FULL";
  }

  Result<> migrate();
  Result<Inventory> inventory() override;
  Result<> add_dc(const Dc& dc) override;
  Result<> remove_dc(const std::string& dc) override;
  Result<> add_cluster(const Cluster& cluster) override;
  Result<> remove_cluster(const std::string& cluster) override;
  Result<> add_shard(const std::string& cluster, const std::string& shard) override;
  Result<> remove_shard(const std::string& cluster, const std::string& shard) override;
  Result<> add_redis(const std::string& cluster, const std::string& shard, const Redis& redis) override;
  Result<> remove_redis(const std::string& cluster, const std::string& shard, const std::string& dc,
                        const Address& address) override;
  Result<> add_keeper(const std::string& cluster, const std::string& shard, const Keeper& keeper) override;
  Result<> remove_keeper(const std::string& cluster, const std::string& shard, const std::string& dc,
                         const Address& address) override;
  Result<std::vector<Tombstone>> tombstones() override;
  Result<> bury(const Tombstone& tombstone) override;
  Result<> take_cluster_epoch(const std::string& cluster, std::uint32_t epoch) override;
  Result<> set_active_dc(const std::string& cluster, const std::string& active) override;
  Result<> save_operation(const Operation& operation) override;
  Result<std::optional<Operation>> operation(const std::string& id) override;
  Result<std::vector<Operation>> operations(int limit) override;
  Result<std::vector<Operation>> running_operations() override;
  Result<Webhook> add_webhook(const Webhook& webhook) override;
  Result<std::vector<Webhook>> webhooks() override;
  Result<bool> remove_webhook(std::int64_t id) override;
  Result<bool> notify(const Notification& notification) override;
  Result<std::vector<Notification>> notifications(int limit) override;
  Result<std::vector<Delivery>> due_deliveries(std::int64_t now_ms, int limit) override;
  Result<> delivered(std::int64_t id) override;
  Result<> put_off(std::int64_t id, std::int64_t until_ms) override;
  Result<std::optional<std::string>> fact(const std::string& type, const std::string& cluster,
                                          const std::string& shard) override;
  Result<> set_fact(const std::string& type, const std::string& cluster, const std::string& shard,
                    const std::string& value) override;

 private:
  /// Runs `change` in one transaction; what SOCI throws becomes an error that says what we were doing.
  template <class F>
  auto transact(const char* doing, F change) -> decltype(change()) {
    try {
      soci::transaction transaction(sql_);
      auto result = change();
      if (result) transaction.commit();
      return result;
    } catch (const soci::soci_error& error) {
      const bool exists = std::string_view(error.what()).find("UNIQUE") != std::string_view::npos;
      return fail(exists ? Errc::conflict : Errc::io, std::string(doing) + ": " + error.what());
    }
  }
  /// The next revision: the version of whatever this transaction changes.
  std::int64_t next_revision();
  void touch_shard(const std::string& cluster, const std::string& shard);
  void touch_cluster(const std::string& cluster);
  void add_tombstones(const std::string& cluster, const std::string& shard);
  Result<std::vector<Operation>> parse_operations(const soci::rowset<std::string>& rows);
  void load_shards(Inventory& inventory);

  soci::session sql_;
};

Result<> SociStore::migrate() {
  return transact("migrate", [&]() -> Result<> {
    sql_ << "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
    int current = 0;
    soci::indicator known = soci::i_null;
    sql_ << "SELECT MAX(version) FROM schema_version", soci::into(current, known);
    if (known == soci::i_null) current = 0;
    if (current > migrations().back().version)
      return fail(Errc::unsupported,
                  "the database has schema " + std::to_string(current) + ", made by a newer console");
    for (const Migration& migration : migrations()) {
      if (migration.version <= current) continue;
      for (const std::string_view statement : migration.statements) sql_ << std::string(statement);
      sql_ << "INSERT INTO schema_version (version) VALUES (:v)", soci::use(migration.version);
    }
    return success();
  });
}

std::int64_t SociStore::next_revision() {
  std::string value;
  sql_ << "SELECT value FROM settings WHERE name = 'revision'", soci::into(value);
  const std::int64_t next = std::stoll(value) + 1;
  const std::string text = std::to_string(next);
  sql_ << "UPDATE settings SET value = :v WHERE name = 'revision'", soci::use(text);
  return next;
}

void SociStore::touch_cluster(const std::string& cluster) {
  const long long version = next_revision();
  sql_ << "UPDATE clusters SET version = :v WHERE name = :c", soci::use(version), soci::use(cluster);
}

void SociStore::touch_shard(const std::string& cluster, const std::string& shard) {
  const long long version = next_revision();
  sql_ << "UPDATE shards SET version = :v WHERE cluster = :c AND name = :s", soci::use(version),
      soci::use(cluster), soci::use(shard);
}

Result<Inventory> SociStore::inventory() {
  return transact("read the inventory", [&]() -> Result<Inventory> {
    Inventory inventory;
    const soci::rowset<soci::row> dcs =
        (sql_.prepare << "SELECT name, zookeeper, chroot, metaservers, sentinels, sentinel_quorum, "
                         "sentinel_reconfig_script, "
                         "sentinel_down_after_ms, sentinel_failover_timeout_ms FROM dcs ORDER BY name");
    for (const soci::row& row : dcs) {
      Dc dc;
      dc.name = row.get<std::string>(0);
      dc.zookeeper = row.get<std::string>(1);
      dc.chroot = row.get<std::string>(2);
      PS_TRY(dc.metaservers, stored_addresses(row.get<std::string>(3)));
      PS_TRY(dc.sentinels, stored_addresses(row.get<std::string>(4)));
      dc.sentinel_quorum = row.get<int>(5);
      dc.sentinel_reconfig_script = row.get<std::string>(6);
      dc.sentinel_down_after_ms = row.get<long long>(7);
      dc.sentinel_failover_timeout_ms = row.get<long long>(8);
      inventory.dcs.push_back(std::move(dc));
    }
    const soci::rowset<soci::row> clusters =
        (sql_.prepare
         << "SELECT name, active_dc, mode, policy, cluster_epoch, version FROM clusters ORDER BY name");
    for (const soci::row& row : clusters) {
      Cluster cluster;
      cluster.name = row.get<std::string>(0);
      cluster.active_dc = row.get<std::string>(1);
      cluster.mode = row.get<std::string>(2);
      cluster.policy = row.get<std::string>(3);
      cluster.cluster_epoch = static_cast<std::uint32_t>(row.get<long long>(4));
      cluster.version = static_cast<std::uint64_t>(row.get<long long>(5));
      inventory.clusters.push_back(std::move(cluster));
    }
    for (Cluster& cluster : inventory.clusters) {
      const soci::rowset<std::string> members =
          (sql_.prepare << "SELECT dc FROM cluster_dcs WHERE cluster = :c ORDER BY position",
           soci::use(cluster.name));
      for (const std::string& dc : members)
        if (dc != cluster.active_dc) cluster.backup_dcs.push_back(dc);
    }
    load_shards(inventory);
    for (const Cluster& cluster : inventory.clusters)
      for (const Shard& shard : cluster.shards) {
        for (const Redis& redis : shard.redises)
          if (redis.address.empty())
            return fail(Errc::corrupt,
                        "database: a Redis server of " + cluster.name + "/" + shard.name + " has no address");
        for (const Keeper& keeper : shard.keepers)
          if (keeper.address.empty())
            return fail(Errc::corrupt,
                        "database: a keeper of " + cluster.name + "/" + shard.name + " has no address");
      }
    return inventory;
  });
}

void SociStore::load_shards(Inventory& inventory) {
  const auto cluster_of = [&](const std::string& name) -> Cluster* {
    const auto found = std::ranges::find(inventory.clusters, name, &Cluster::name);
    return found == inventory.clusters.end() ? nullptr : &*found;
  };
  const auto shard_of = [&](const std::string& cluster_name, const std::string& name) -> Shard* {
    Cluster* cluster = cluster_of(cluster_name);
    if (!cluster) return nullptr;
    const auto found = std::ranges::find(cluster->shards, name, &Shard::name);
    return found == cluster->shards.end() ? nullptr : &*found;
  };
  const auto address_of = [](const std::string& text) {
    auto address = parse_address(text);
    return address ? address.value() : Address{};
  };
  const soci::rowset<soci::row> shards =
      (sql_.prepare << "SELECT cluster, name, version FROM shards ORDER BY cluster, name");
  for (const soci::row& row : shards)
    if (Cluster* cluster = cluster_of(row.get<std::string>(0)))
      cluster->shards.push_back(
          {row.get<std::string>(1), static_cast<std::uint64_t>(row.get<long long>(2)), {}, {}});
  const soci::rowset<soci::row> redises =
      (sql_.prepare
       << "SELECT cluster, shard, dc, address, initial_master FROM redises ORDER BY dc, address");
  for (const soci::row& row : redises)
    if (Shard* shard = shard_of(row.get<std::string>(0), row.get<std::string>(1)))
      shard->redises.push_back(
          {row.get<std::string>(2), address_of(row.get<std::string>(3)), row.get<int>(4) != 0});
  const soci::rowset<soci::row> keepers =
      (sql_.prepare
       << "SELECT cluster, shard, dc, host, address, priority FROM keepers ORDER BY dc, address");
  for (const soci::row& row : keepers)
    if (Shard* shard = shard_of(row.get<std::string>(0), row.get<std::string>(1)))
      shard->keepers.push_back({row.get<std::string>(2), row.get<std::string>(3),
                                address_of(row.get<std::string>(4)), row.get<int>(5)});
}

Result<> SociStore::add_dc(const Dc& dc) {
  return transact("add a data center", [&]() -> Result<> {
    const std::string metaservers = join(dc.metaservers), sentinels = join(dc.sentinels);
    const long long down_after = dc.sentinel_down_after_ms,
                    failover_timeout = dc.sentinel_failover_timeout_ms;
    sql_ << "INSERT INTO dcs (name, zookeeper, chroot, metaservers, sentinels, sentinel_quorum, "
            "sentinel_reconfig_script, "
            "sentinel_down_after_ms, sentinel_failover_timeout_ms) VALUES (:n, :z, :c, :m, :s, :q, :r, :d, "
            ":f)",
        soci::use(dc.name), soci::use(dc.zookeeper), soci::use(dc.chroot), soci::use(metaservers),
        soci::use(sentinels), soci::use(dc.sentinel_quorum), soci::use(dc.sentinel_reconfig_script),
        soci::use(down_after), soci::use(failover_timeout);
    next_revision();
    return success();
  });
}

Result<> SociStore::remove_dc(const std::string& dc) {
  return transact("remove a data center", [&]() -> Result<> {
    sql_ << "DELETE FROM dcs WHERE name = :n", soci::use(dc);
    next_revision();
    return success();
  });
}

Result<> SociStore::add_cluster(const Cluster& cluster) {
  return transact("add a cluster", [&]() -> Result<> {
    const long long epoch = cluster.cluster_epoch;
    sql_ << "INSERT INTO clusters (name, active_dc, mode, policy, cluster_epoch, version) VALUES (:n, :a, "
            ":m, :p, :e, 0)",
        soci::use(cluster.name), soci::use(cluster.active_dc), soci::use(cluster.mode),
        soci::use(cluster.policy), soci::use(epoch);
    int position = 0;
    for (const std::string& dc : cluster.dcs()) {
      sql_ << "INSERT INTO cluster_dcs (cluster, dc, position) VALUES (:c, :d, :p)", soci::use(cluster.name),
          soci::use(dc), soci::use(position);
      sql_ << "DELETE FROM tombstones WHERE cluster = :c AND shard = '' AND dc = :d", soci::use(cluster.name),
          soci::use(dc);
      ++position;
    }
    touch_cluster(cluster.name);
    return success();
  });
}

void SociStore::add_tombstones(const std::string& cluster, const std::string& shard) {
  const soci::rowset<std::string> dcs =
      (sql_.prepare << "SELECT dc FROM cluster_dcs WHERE cluster = :c", soci::use(cluster));
  const std::vector<std::string> all(dcs.begin(), dcs.end());
  for (const std::string& dc : all) {
    sql_ << "DELETE FROM tombstones WHERE dc = :d AND cluster = :c AND shard = :s", soci::use(dc),
        soci::use(cluster), soci::use(shard);
    sql_ << "INSERT INTO tombstones (dc, cluster, shard) VALUES (:d, :c, :s)", soci::use(dc),
        soci::use(cluster), soci::use(shard);
  }
}

Result<> SociStore::remove_cluster(const std::string& cluster) {
  return transact("remove a cluster", [&]() -> Result<> {
    const soci::rowset<std::string> rows =
        (sql_.prepare << "SELECT name FROM shards WHERE cluster = :c", soci::use(cluster));
    const std::vector<std::string> shards(rows.begin(), rows.end());
    for (const std::string& shard : shards) add_tombstones(cluster, shard);
    add_tombstones(cluster, "");
    for (const char* table : {"redises", "keepers", "shards", "cluster_dcs", "facts"})
      sql_ << "DELETE FROM " + std::string(table) + " WHERE cluster = :c", soci::use(cluster);
    sql_ << "DELETE FROM clusters WHERE name = :c", soci::use(cluster);
    next_revision();
    return success();
  });
}

Result<> SociStore::add_shard(const std::string& cluster, const std::string& shard) {
  return transact("add a shard", [&]() -> Result<> {
    sql_ << "INSERT INTO shards (cluster, name, version) VALUES (:c, :s, 0)", soci::use(cluster),
        soci::use(shard);
    sql_ << "DELETE FROM tombstones WHERE cluster = :c AND shard = :s", soci::use(cluster), soci::use(shard);
    touch_shard(cluster, shard);
    touch_cluster(cluster);
    return success();
  });
}

Result<> SociStore::remove_shard(const std::string& cluster, const std::string& shard) {
  return transact("remove a shard", [&]() -> Result<> {
    add_tombstones(cluster, shard);
    for (const char* table : {"redises", "keepers", "facts"})
      sql_ << "DELETE FROM " + std::string(table) + " WHERE cluster = :c AND shard = :s", soci::use(cluster),
          soci::use(shard);
    sql_ << "DELETE FROM shards WHERE cluster = :c AND name = :s", soci::use(cluster), soci::use(shard);
    touch_cluster(cluster);
    return success();
  });
}

Result<> SociStore::add_redis(const std::string& cluster, const std::string& shard, const Redis& redis) {
  return transact("add a Redis server", [&]() -> Result<> {
    const std::string address = redis.address.text();
    const int initial = redis.initial_master;
    sql_ << "INSERT INTO redises (address, cluster, shard, dc, initial_master) VALUES (:a, :c, :s, :d, :i)",
        soci::use(address), soci::use(cluster), soci::use(shard), soci::use(redis.dc), soci::use(initial);
    touch_shard(cluster, shard);
    return success();
  });
}

Result<> SociStore::remove_redis(const std::string& cluster, const std::string& shard, const std::string& dc,
                                 const Address& address) {
  return transact("remove a Redis server", [&]() -> Result<> {
    const std::string text = address.text();
    sql_ << "DELETE FROM redises WHERE cluster = :c AND shard = :s AND dc = :d AND address = :a",
        soci::use(cluster), soci::use(shard), soci::use(dc), soci::use(text);
    touch_shard(cluster, shard);
    return success();
  });
}

Result<> SociStore::add_keeper(const std::string& cluster, const std::string& shard, const Keeper& keeper) {
  return transact("add a keeper", [&]() -> Result<> {
    const std::string address = keeper.address.text();
    sql_ << "INSERT INTO keepers (address, cluster, shard, dc, host, priority) VALUES (:a, :c, :s, :d, :h, "
            ":p)",
        soci::use(address), soci::use(cluster), soci::use(shard), soci::use(keeper.dc),
        soci::use(keeper.host), soci::use(keeper.priority);
    touch_shard(cluster, shard);
    return success();
  });
}

Result<> SociStore::remove_keeper(const std::string& cluster, const std::string& shard, const std::string& dc,
                                  const Address& address) {
  return transact("remove a keeper", [&]() -> Result<> {
    const std::string text = address.text();
    sql_ << "DELETE FROM keepers WHERE cluster = :c AND shard = :s AND dc = :d AND address = :a",
        soci::use(cluster), soci::use(shard), soci::use(dc), soci::use(text);
    touch_shard(cluster, shard);
    return success();
  });
}

Result<std::vector<Tombstone>> SociStore::tombstones() {
  return transact("read the tombstones", [&]() -> Result<std::vector<Tombstone>> {
    std::vector<Tombstone> out;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT dc, cluster, shard FROM tombstones");
    for (const soci::row& row : rows)
      out.push_back({row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)});
    return out;
  });
}

Result<> SociStore::bury(const Tombstone& tombstone) {
  return transact("drop a tombstone", [&]() -> Result<> {
    sql_ << "DELETE FROM tombstones WHERE dc = :d AND cluster = :c AND shard = :s", soci::use(tombstone.dc),
        soci::use(tombstone.cluster), soci::use(tombstone.shard);
    return success();
  });
}

Result<> SociStore::take_cluster_epoch(const std::string& cluster, std::uint32_t epoch) {
  return transact("take a cluster epoch", [&]() -> Result<> {
    long long current = -1;
    sql_ << "SELECT cluster_epoch FROM clusters WHERE name = :c", soci::into(current), soci::use(cluster);
    if (!sql_.got_data()) return fail(Errc::not_found, "there is no cluster '" + cluster + "'");
    if (current >= epoch)
      return fail(Errc::conflict, "cluster epoch " + std::to_string(epoch) + " was used already");
    const long long next = epoch;
    sql_ << "UPDATE clusters SET cluster_epoch = :e WHERE name = :c", soci::use(next), soci::use(cluster);
    return success();
  });
}

Result<> SociStore::set_active_dc(const std::string& cluster, const std::string& active) {
  return transact("set the active data center", [&]() -> Result<> {
    sql_ << "UPDATE clusters SET active_dc = :a WHERE name = :c", soci::use(active), soci::use(cluster);
    touch_cluster(cluster);
    return success();
  });
}

Result<> SociStore::save_operation(const Operation& operation) {
  return transact("save an operation", [&]() -> Result<> {
    const std::string record = to_json(operation);
    const long long started = operation.started_ms;
    sql_ << "DELETE FROM operations WHERE id = :i", soci::use(operation.id);
    sql_ << "INSERT INTO operations (id, cluster, state, started_ms, record) VALUES (:i, :c, :s, :t, :r)",
        soci::use(operation.id), soci::use(operation.cluster), soci::use(operation.state), soci::use(started),
        soci::use(record);
    return success();
  });
}

Result<std::vector<Operation>> SociStore::parse_operations(const soci::rowset<std::string>& rows) {
  std::vector<Operation> out;
  for (const std::string& record : rows) {
    PS_TRY(auto operation, parse_operation(record));
    out.push_back(std::move(operation));
  }
  return out;
}

Result<std::optional<Operation>> SociStore::operation(const std::string& id) {
  return transact("read an operation", [&]() -> Result<std::optional<Operation>> {
    const soci::rowset<std::string> rows =
        (sql_.prepare << "SELECT record FROM operations WHERE id = :i", soci::use(id));
    PS_TRY(auto found, parse_operations(rows));
    return found.empty() ? std::optional<Operation>() : std::optional(std::move(found.front()));
  });
}

Result<std::vector<Operation>> SociStore::operations(int limit) {
  return transact("read operations", [&] {
    const soci::rowset<std::string> rows =
        (sql_.prepare << "SELECT record FROM operations ORDER BY started_ms DESC LIMIT :l", soci::use(limit));
    return parse_operations(rows);
  });
}

Result<std::vector<Operation>> SociStore::running_operations() {
  return transact("read operations", [&] {
    const soci::rowset<std::string> rows =
        (sql_.prepare << "SELECT record FROM operations WHERE state = 'running' ORDER BY started_ms");
    return parse_operations(rows);
  });
}

Result<Webhook> SociStore::add_webhook(const Webhook& webhook) {
  return transact("add a webhook", [&]() -> Result<Webhook> {
    Webhook stored = webhook;
    long long id = 0;
    sql_ << "SELECT id FROM webhooks WHERE url = :u", soci::into(id), soci::use(webhook.url);
    if (!sql_.got_data()) {
      std::string events;
      for (const std::string& event : webhook.events) events += (events.empty() ? "" : ",") + event;
      sql_ << "INSERT INTO webhooks (url, events) VALUES (:u, :e)", soci::use(webhook.url), soci::use(events);
      sql_ << "SELECT id FROM webhooks WHERE url = :u", soci::into(id), soci::use(webhook.url);
    }
    stored.id = id;
    return stored;
  });
}

Result<std::vector<Webhook>> SociStore::webhooks() {
  return transact("read webhooks", [&]() -> Result<std::vector<Webhook>> {
    std::vector<Webhook> out;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT id, url, events FROM webhooks ORDER BY id");
    for (const soci::row& row : rows)
      out.push_back({row.get<int>(0), row.get<std::string>(1), split(row.get<std::string>(2))});
    return out;
  });
}

Result<bool> SociStore::remove_webhook(std::int64_t id) {
  return transact("remove a webhook", [&]() -> Result<bool> {
    const long long key = id;
    long long found = 0;
    sql_ << "SELECT COUNT(*) FROM webhooks WHERE id = :i", soci::into(found), soci::use(key);
    sql_ << "DELETE FROM deliveries WHERE webhook = :i", soci::use(key);
    sql_ << "DELETE FROM webhooks WHERE id = :i", soci::use(key);
    return found > 0;
  });
}

Result<bool> SociStore::notify(const Notification& n) {
  PS_TRY(auto hooks, webhooks());
  return transact("store a notification", [&]() -> Result<bool> {
    std::string known;
    sql_ << "SELECT value FROM facts WHERE type = :t AND cluster = :c AND shard = :s", soci::into(known),
        soci::use(n.type), soci::use(n.cluster), soci::use(n.shard);
    if (sql_.got_data() && known == n.to) return false;
    sql_ << "DELETE FROM facts WHERE type = :t AND cluster = :c AND shard = :s", soci::use(n.type),
        soci::use(n.cluster), soci::use(n.shard);
    sql_ << "INSERT INTO facts (type, cluster, shard, value) VALUES (:t, :c, :s, :v)", soci::use(n.type),
        soci::use(n.cluster), soci::use(n.shard), soci::use(n.to);
    const long long epoch = n.epoch, at = n.at_ms;
    sql_ << "INSERT INTO notifications (type, dc, cluster, shard, from_value, to_value, epoch, at_ms, "
            "by_whom) "
            "VALUES (:t, :d, :c, :s, :f, :o, :e, :a, :b)",
        soci::use(n.type), soci::use(n.dc), soci::use(n.cluster), soci::use(n.shard), soci::use(n.from),
        soci::use(n.to), soci::use(epoch), soci::use(at), soci::use(n.by);
    long long id = 0;
    sql_ << "SELECT MAX(id) FROM notifications", soci::into(id);
    for (const Webhook& hook : hooks) {
      if (!hook.events.empty() && std::ranges::count(hook.events, n.type) == 0) continue;
      const long long to = hook.id;
      sql_ << "INSERT INTO deliveries (webhook, notification, attempts, due_ms) VALUES (:w, :n, 0, 0)",
          soci::use(to), soci::use(id);
    }
    return true;
  });
}

Notification notification_of(const soci::row& row) {
  Notification n;
  n.id = row.get<int>(0);
  n.type = row.get<std::string>(1);
  n.dc = row.get<std::string>(2);
  n.cluster = row.get<std::string>(3);
  n.shard = row.get<std::string>(4);
  n.from = row.get<std::string>(5);
  n.to = row.get<std::string>(6);
  n.epoch = row.get<long long>(7);
  n.at_ms = row.get<long long>(8);
  n.by = row.get<std::string>(9);
  return n;
}

Result<std::vector<Notification>> SociStore::notifications(int limit) {
  return transact("read notifications", [&]() -> Result<std::vector<Notification>> {
    std::vector<Notification> out;
    const soci::rowset<soci::row> rows =
        (sql_.prepare << "SELECT id, type, dc, cluster, shard, from_value, to_value, epoch, at_ms, by_whom "
                         "FROM notifications "
                         "ORDER BY id DESC LIMIT :l",
         soci::use(limit));
    for (const soci::row& row : rows) out.push_back(notification_of(row));
    return out;
  });
}

Result<std::vector<Delivery>> SociStore::due_deliveries(std::int64_t now_ms, int limit) {
  return transact("read deliveries", [&]() -> Result<std::vector<Delivery>> {
    std::vector<Delivery> out;
    const long long now = now_ms;
    const soci::rowset<soci::row> rows =
        (sql_.prepare << "SELECT n.id, n.type, n.dc, n.cluster, n.shard, n.from_value, n.to_value, n.epoch, "
                         "n.at_ms, n.by_whom, d.id, "
                         "w.url, d.attempts FROM deliveries d JOIN notifications n ON n.id = d.notification "
                         "JOIN webhooks w ON w.id = d.webhook WHERE d.due_ms <= :t ORDER BY d.id LIMIT :l",
         soci::use(now), soci::use(limit));
    for (const soci::row& row : rows)
      out.push_back({row.get<int>(10), row.get<std::string>(11), notification_of(row), row.get<int>(12)});
    return out;
  });
}

Result<> SociStore::delivered(std::int64_t id) {
  return transact("drop a delivery", [&]() -> Result<> {
    const long long key = id;
    sql_ << "DELETE FROM deliveries WHERE id = :i", soci::use(key);
    return success();
  });
}

Result<> SociStore::put_off(std::int64_t id, std::int64_t until_ms) {
  return transact("put a delivery off", [&]() -> Result<> {
    const long long key = id, until = until_ms;
    sql_ << "UPDATE deliveries SET attempts = attempts + 1, due_ms = :t WHERE id = :i", soci::use(until),
        soci::use(key);
    return success();
  });
}

Result<std::optional<std::string>> SociStore::fact(const std::string& type, const std::string& cluster,
                                                   const std::string& shard) {
  return transact("read a fact", [&]() -> Result<std::optional<std::string>> {
    std::string value;
    sql_ << "SELECT value FROM facts WHERE type = :t AND cluster = :c AND shard = :s", soci::into(value),
        soci::use(type), soci::use(cluster), soci::use(shard);
    return sql_.got_data() ? std::optional(value) : std::nullopt;
  });
}

Result<> SociStore::set_fact(const std::string& type, const std::string& cluster, const std::string& shard,
                             const std::string& value) {
  return transact("write a fact", [&]() -> Result<> {
    sql_ << "DELETE FROM facts WHERE type = :t AND cluster = :c AND shard = :s", soci::use(type),
        soci::use(cluster), soci::use(shard);
    sql_ << "INSERT INTO facts (type, cluster, shard, value) VALUES (:t, :c, :s, :v)", soci::use(type),
        soci::use(cluster), soci::use(shard), soci::use(value);
    return success();
  });
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& url) {
  if (!url.starts_with(kSqlite))
    return fail(Errc::unsupported, "database.url: only sqlite3:///absolute/path is supported, not '" +
                                       url.substr(0, url.find(':')) + "'");
  const std::string path = url.substr(kSqlite.size());
  if (!path.starts_with('/')) return fail(Errc::invalid_argument, "database.url: the path must be absolute");
  try {
    auto store = std::make_unique<SociStore>(path);
    PS_TRY(store->migrate());
    return std::unique_ptr<Store>(std::move(store));
  } catch (const soci::soci_error& error) {
    return fail(Errc::io, "database " + path + ": " + error.what());
  }
}

}  // namespace penstock::console
