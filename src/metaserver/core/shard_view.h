// All that the owner of a shard knows at one moment: what is wanted (config), what is recorded (/state) and
// what is observed (probes). Decisions are functions of this value and of nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/address.h"
#include "common/base/check.h"
#include "common/base/known.h"
#include "common/model/model.h"

namespace penstock::metaserver {

struct KeeperObservation {
  Address address;
  std::optional<model::KeeperReport> report;  ///< only when the newest probe was answered
  int failures = 0;                           ///< consecutive probes without an answer
  bool refused = false;  ///< the newest failure was a refused connection: nobody listens there
  std::string error;
};

enum class RedisRole { unknown, master, replica };
std::string_view to_string(RedisRole role);

struct RedisObservation {
  Address address;
  bool reachable = false;  ///< it answered INFO
  bool refused = false;
  int failures = 0;
  std::string error;

  bool loading = false;
  RedisRole role = RedisRole::unknown;
  std::int64_t role_since_ms = 0;  ///< when this role was first seen, on ShardView::now_ms's clock
  Address upstream;                ///< replica only
  bool link_up = false;
  bool sync_in_progress = false;
  std::int64_t offset = 0;
  std::string replid, replid2;
  std::int64_t second_offset = -1;
  std::string failover_state = "no-failover";  ///< "" where the version has no FAILOVER
  std::int64_t backlog_size = 0;
  std::int64_t keys = 0;
  int replicas = 0;
  std::int64_t full_syncs_served = 0;  ///< sync_full
  bool has_config_file = true;         ///< without one, CONFIG REWRITE cannot make a role last
  std::string run_id;
};

/// What one Sentinel says about this shard's master name.
struct SentinelObservation {
  Address address;
  bool reachable = false;
  std::string error;
  bool monitoring = false;           ///< it knows the master name
  Address master;                    ///< get-master-addr-by-name
  std::int64_t master_since_ms = 0;  ///< when it was first seen to name this address
  bool objectively_down = false;
  bool failover_in_progress = false;
  int quorum = 0;
  std::int64_t down_after_ms = 0;
  std::int64_t failover_timeout_ms = 0;
  std::string reconfig_script;
};

/// The active DC's active keeper, as that DC's metaserver told us.
struct PeerKeeper {
  std::string dc;
  Address address;
  bool operator==(const PeerKeeper&) const = default;
};

struct ShardView {
  std::string dc;
  std::string self;         ///< our metaserver id
  std::int64_t now_ms = 0;  ///< monotonic

  model::ClusterConfig cluster;
  model::ShardConfig shard;

  std::optional<model::ShardState> state;  ///< nullopt: /state has no node for this shard
  bool taken = false;                      ///< this tenure has already raised the term

  std::map<std::string, Address> keeper_hosts;           ///< registered hosts: id → admin address
  std::vector<model::KeeperRegistration> registrations;  ///< oldest first
  std::vector<KeeperObservation> keepers;                ///< one per configured keeper
  std::vector<RedisObservation> redises;                 ///< one per configured Redis
  std::vector<SentinelObservation> sentinels;            ///< one per configured Sentinel

  std::optional<PeerKeeper> upstream_keeper;  ///< backup DC: the newest answer of the active DC
  std::optional<Address> master_hint;  ///< somebody says that this is the master now; never believed alone
};

/// Once a state is recorded.
inline const model::ShardState& state_of(const ShardView& view) {
  return known(view.state);
}

const KeeperObservation* find_keeper(const ShardView& view, const Address& address);
const RedisObservation* find_redis(const ShardView& view, const Address& address);
bool is_member(const ShardView& view, const Address& redis);  ///< config lists this Redis

/// Whether this DC is, as recorded, the active one.
inline bool is_active_dc(const ShardView& view) {
  return view.state.has_value() && state_of(view).active_dc == view.dc;
}

/// The numbers that decisions use. Times in milliseconds.
struct Policy {
  int keeper_failures_max = 3;  ///< unanswered probes in a row after which a keeper counts as dead
  int keeper_refusals_max = 2;  ///< the same when nobody listens on its port
  std::int64_t backlog_bytes_min = 64LL << 20;
  std::int64_t stray_master_grace_ms = 10'000;  ///< time for Sentinel to demote a returned master by itself
  std::int64_t stale_sentinel_grace_ms =
      30'000;  ///< time for a lagging Sentinel to learn the master from its siblings
  std::int64_t lag_bytes_max = 1LL << 20;  ///< pre-check of a switch
  std::int64_t abandoned_switch_ms =
      30'000;                                ///< a switch whose console is silent for this long is taken back
  std::int64_t promote_retry_ms = 1'000;     ///< a committed target goes on by itself after this
  std::int64_t finished_switch_ms = 60'000;  ///< a finished switch that nobody unlocks is unlocked after this
  std::int64_t handover_ttl_ms = 15'000;     ///< an unaccepted hand-over gives the master back after this
};

/// Dead for the election: enough unanswered probes in a row. A lost registration says nothing about this.
bool presumed_dead(const KeeperObservation& keeper, const Policy& policy);

}  // namespace penstock::metaserver
