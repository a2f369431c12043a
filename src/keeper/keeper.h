// One keeper: a store, an upstream link, and the sessions of those who connect to its port. Belongs to one
// loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>

#include "common/async/broadcast.h"
#include "common/async/task_group.h"
#include "common/net/byte_stream.h"
#include "common/serve/doorkeeper.h"
#include "common/serve/entrance.h"
#include "common/serve/patience.h"
#include "keeper/core/full_sync_gate.h"
#include "keeper/core/order.h"
#include "keeper/journal.h"
#include "keeper/upstream_link.h"

namespace penstock::keeper {

class Session;

struct KeeperOptions {
  std::string cluster, shard;
  Address listen;
  std::string announce_host;        ///< empty: what upstream sees
  std::string announce_version;     ///< see UpstreamOptions
  std::string user, password;       ///< for the upstream; no password: no AUTH
  std::string required_password;    ///< of everybody who connects; empty: nothing is asked
  bool standalone = false;          ///< no control plane: always ACTIVE, obeys any REPLICAOF
  Millis replica_timeout{60'000};   ///< Redis' repl-timeout, for replicas that stand still
  Millis upstream_timeout{60'000};  ///< … and for an upstream without a byte
  StoreOptions store;
  serve::ConnectionCaps caps;
  serve::Patience patience;
  // For tests that want neither network nor threads: see UpstreamOptions and JournalOptions.
  std::function<Result<std::shared_ptr<net::ByteStream>>(const Address&)> connect;
  std::optional<Executor> disk;
  serve::HostCrowd* host_crowd =
      nullptr;  ///< of all keepers of the process; must outlive the keeper. Null: its own
  LinkOptions links;
  HostDisk* host_disk = nullptr;  ///< the same; null: no cap
};

class Keeper : private UpstreamListener {
 public:
  /// `store` as opened for this shard. Restores what the metadata says: PRE_ACTIVE or PRE_BACKUP, and its
  /// upstream.
  Keeper(Executor executor, KeeperOptions options, std::unique_ptr<Store> store);
  ~Keeper() override;

  /// Binds and begins to work; an address in use is an error that names it.
  Result<> start();
  Task<void> stop();
  /// Somebody who has come in by another way than the port.
  void serve(std::shared_ptr<net::ByteStream> stream);

  const KeeperOptions& options() const { return options_; }
  model::KeeperReport report() const;
  const Journal& journal() const { return journal_; }
  /// See Journal.
  DiskUse look_at_disk_use() { return journal_.look_at_disk_use(); }
  void limit_log(std::uint64_t bytes) { journal_.limit_log(bytes); }
  std::string upstream_error() const { return link_.last_error(); }
  std::uint16_t port() const { return entrance_.port(); }
  std::size_t connections() const { return entrance_.inside(); }
  std::uint64_t connections_refused() const { return entrance_.refused(); }
  std::int64_t now_ms() const;  ///< the clock of all that this keeper waits for
  /// A connection that ended before it had said a word that can be answered.
  void turned_away(const Address& peer, const std::string& why) { entrance_.turned_away(peer.host, why); }
  net::Traffic upstream_traffic() const { return link_.traffic(); }
  net::Traffic served_traffic() const;  ///< of those who have connected to us

  // Orders. Each is persisted before it returns.
  Task<Result<>> set_state(Order order);
  Task<Result<>> arm_handover(std::string replid, std::uint64_t epoch, std::int64_t ttl_ms);
  Task<Result<>> hold_handover(std::string replid, std::int64_t offset);
  Task<Result<>> accept_handover();
  Task<Result<>> abort_handover();
  /// The next full sync may bring an empty data set in the place of what is held.
  void accept_empty_upstream() { link_.accept_empty(); }
  bool upstream_held_back() const { return link_.held_back(); }
  /// REPLICAOF without an epoch. The error is for -ERR; success means +OK, obeyed or not.
  Task<Result<>> replicaof(std::optional<Address> target);

 private:
  friend class Session;
  friend class ReplicaFeed;

  void log_grew() override;
  void history_changed() override;
  void upstream_changed() override;

  Task<void> accept_loop();
  void replica_left();
  Task<void> tick_loop();
  void progressed();
  void expire_handover();
  Task<void> note_data();
  bool serves() const;
  Standing standing() const;

  Executor executor_;
  KeeperOptions options_;
  Journal journal_;
  UpstreamLink link_;
  serve::HostCrowd own_crowd_;
  serve::Entrance entrance_;
  Broadcast changed_;  ///< whatever a waiting request may depend on
  std::uint64_t history_generation_ = 0;
  Handover handover_;
  std::optional<Address> pretended_upstream_;  ///< see InfoFacts
  std::set<Session*> sessions_;
  net::Traffic served_;  ///< in sessions that have ended
  FullSyncGate full_sync_gate_;
  std::int64_t replica_left_ms_ = 0;
  std::int64_t full_syncs_served_ = 0;
  std::int64_t partial_syncs_served_ = 0;
  TaskGroup tasks_;
};

}  // namespace penstock::keeper
