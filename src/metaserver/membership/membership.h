// This server's place among the metaservers of its DC: who is alive, who leads, and which server owns which
// slot. The shell around core/slot_assignment.h: it registers, takes part in the election, follows the slot
// table, and, while it leads, writes that table.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/model/model.h"
#include "common/zk/zk.h"

namespace penstock::metaserver {

struct MembershipOptions {
  Millis refresh{30'000};       ///< everything is read again this often (±20 %), events or not
  Millis restart_grace{5'000};  ///< how long a server that left cleanly keeps its slots
};

/// Lives on one loop; `zk` must outlive it. start() once, then stop() before destruction.
class Membership {
 public:
  Membership(Executor executor, zk::Zk& zk, std::string dc, model::MetaserverInfo self,
             MembershipOptions options = {});
  ~Membership();

  void start();
  /// Leaves cleanly: the registration and the candidacy are removed at once, and a marker asks the leader to
  /// keep this server's slots for the restart grace.
  Task<void> stop();

  /// Whether this server may act for `cluster` now: the slot table names it, its registration stands, it is
  /// connected, and its session's lease runs for `margin` more. Ask before every side effect, with the
  /// effect's time limit.
  bool owns(std::string_view cluster, Millis margin = Millis{0}) const;
  /// The live server that the slot table names; nullopt when it is not registered (it has died or is
  /// restarting) or no table has been read yet.
  std::optional<model::MetaserverInfo> owner_of(std::string_view cluster) const;

  std::optional<model::MetaserverInfo> server(std::string_view id) const;
  /// Live servers, ordered by id.
  std::vector<model::MetaserverInfo> servers() const;
  std::optional<model::MetaserverInfo> leader() const;
  bool is_leader() const;  ///< this server, by election and by its own lease
  /// As last read; no owners before the first table.
  const model::SlotTable& table() const;
  const model::MetaserverInfo& self() const;

  /// Connected, registered, and a complete slot table read.
  bool ready() const;

  /// Called on the loop whenever an answer of the above may have changed (not for the mere passing of the
  /// lease), until stop(). The function must stay callable until then.
  void on_change(std::function<void()> changed);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::metaserver
