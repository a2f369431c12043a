// One owned shard: its config, its recorded state, and the loop that looks, decides and acts. Made when
// ownership is gained, stopped when it is lost. Requests and events only wake the loop, or take the lock and
// record.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "common/async/lock.h"
#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "metaserver/core/shard_decision.h"
#include "metaserver/core/switch_steps.h"
#include "metaserver/hub.h"
#include "metaserver/observer.h"
#include "metaserver/state_store.h"

namespace penstock::metaserver {

class Shard : public std::enable_shared_from_this<Shard> {
 public:
  /// The newest look and what followed from it.
  struct Look {
    ShardView view;
    Decision decision;
    std::int64_t at_ms = 0;    ///< monotonic
    std::int64_t from_ms = 0;  ///< when the look began: nothing in it is older
  };

  Shard(Hub& hub, model::ClusterConfig cluster, model::ShardConfig shard);

  void start();
  Task<void> stop();
  /// The config was deleted: keepers and monitors of the shard are removed, then its state. After stop().
  Task<void> dismantle();

  void configure(model::ClusterConfig cluster, model::ShardConfig shard);
  void wake() { bell_.ring(); }
  void hint_master(Address master);
  void ask_peers_now();
  /// The session was replaced: what was known may have been changed by another owner meanwhile.
  void begin_tenure();

  const model::ClusterConfig& cluster_config() const { return cluster_; }
  const model::ShardConfig& shard_config() const { return shard_; }
  const std::optional<Look>& last_look() const { return last_; }
  /// Whether /state is known and this tenure has raised the term.
  bool in_office() const { return state_known_ && taken_; }
  const StoredState& stored() const { return stored_; }
  bool owned(Millis margin = Millis{0}) const;
  std::string text() const { return shard_.cluster + "/" + shard_.shard; }

  // For who changes /state; the lock is held meanwhile.
  Lock& lock() { return lock_; }
  /// A look that began after this call, within `limit`. Errc::timeout, or not_leader when we are out of
  /// office.
  Task<Result<Look>> fresh_look(Millis limit);
  Task<Result<>> load_state();
  /// Errc::not_leader without ownership and lease; Errc::conflict when another owner has written.
  Task<Result<>> record(model::ShardState next, bool with_commit = false);
  /// What a multi of somebody else's (the event consumer) has written.
  void adopt_state(StoredState stored);
  /// The state must be read again before it is used.
  void forget_state() { state_known_ = false; }
  StateStore& store() { return store_; }
  RedisPool& order_pool() { return order_pool_; }
  Observer& switch_observer() { return switch_observer_; }
  ShardView make_view(Observations seen) const;
  Hub& hub() { return hub_; }
  void notify_console(NotifyConsole what);

  /// Counters of full syncs at the lock of a switch: operation, then address → count.
  struct FullSyncs {
    std::string operation;
    std::map<Address, std::int64_t> counts;
  };
  FullSyncs full_syncs_at_lock;

 private:
  Task<void> run();
  Task<Result<Millis>> look_and_act();
  Task<Result<>> refresh_registrations();
  Task<void> observe_into(Observations* seen);
  Task<void> ask_peers();
  Task<Result<>> carry_out_all(std::vector<Action> actions);
  Task<Result<>> carry_out_one(Action action);
  Task<void> heal_switch(ShardView view);
  /// Once, not at every look that meets it again.
  void say_failure(const std::string& failure);
  metrics::Gauge diagnosis_gauge();
  void publish(const ShardView& view, const Decision& decision);
  bool wants_peers() const;
  Millis next_pause(const ShardView& view, const Decision& decision, bool acted);

  Hub& hub_;
  model::ClusterConfig cluster_;
  model::ShardConfig shard_;
  StateStore store_;
  Observer observer_, switch_observer_;
  RedisPool order_pool_;
  Lock lock_;
  Wakeup bell_;
  TaskGroup tasks_;

  StoredState stored_;
  bool state_known_ = false;
  bool taken_ = false;
  std::vector<model::KeeperRegistration> registrations_;
  std::optional<std::int64_t> registrations_at_ms_;
  std::optional<PeerKeeper> upstream_keeper_;
  std::optional<std::int64_t> asked_peers_at_ms_;
  bool ask_peers_wanted_ = true;
  std::int64_t looked_from_ms_ = 0;
  std::optional<Address> master_hint_;
  std::int64_t master_hint_until_ms_ = 0;
  std::optional<Look> last_;
  std::vector<Action> last_actions_;
  std::string last_failure_;

  struct StepSeen {
    std::string operation;
    model::SwitchStep step = model::SwitchStep::locked;
    std::int64_t since_ms = 0;
    std::optional<std::int64_t> asked_at_ms;
  };
  std::optional<StepSeen> step_seen_;
};

}  // namespace penstock::metaserver
