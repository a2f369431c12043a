// What ZooKeeper holds and what daemons tell each other, as plain structs. JSON encoding: model_json.h;
// paths: zk_paths.h; the same as JSON Schema: proto/schemas.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/address.h"
#include "common/base/epoch.h"

namespace penstock::model {

// ---------------------------------------------------------------------------------------------------------------
// Configuration: written by the console only, below /meta/<dc>/clusters.

/// A peer data center as config carries it, so that DCs find each other without the console.
struct PeerDc {
  std::string name;
  std::vector<Address> metaservers;  ///< REST addresses
  bool operator==(const PeerDc&) const = default;
};

/// /meta/<dc>/clusters/<cluster>
struct ClusterConfig {
  std::string name;
  std::string type = "one_way";  ///< the only type there is today
  std::string active_dc;         ///< intent; the fact is ShardState::active_dc
  std::uint32_t cluster_epoch = 1;
  std::string mode = "assisted";    ///< loss of the active DC: assisted | strict
  std::string policy = "sentinel";  ///< in-DC master fail-over: sentinel | builtin
  std::vector<std::string> dcs;     ///< all DCs of the cluster, the active one first
  std::vector<PeerDc> peers;        ///< the other DCs
  std::vector<std::string> shards;
  std::uint64_t version = 0;
  bool operator==(const ClusterConfig&) const = default;
};

struct KeeperConfig {
  std::string host;  ///< keeper host id, as registered below /meta/<dc>/keeperhosts
  Address address;   ///< where it serves Redis and keepers
  int priority = 0;  ///< higher is preferred in an election, after the data
  bool operator==(const KeeperConfig&) const = default;
};

struct RedisConfig {
  Address address;
  bool initial_master = false;  ///< the master to begin with, when /state names none yet
  bool operator==(const RedisConfig&) const = default;
};

/// The Sentinels of this DC and how they shall watch the shard while this DC is active.
struct SentinelConfig {
  std::string master_name;  ///< "<cluster>/<shard>"
  std::vector<Address> addresses;
  int quorum = 2;
  std::int64_t down_after_ms = 5'000;
  std::int64_t failover_timeout_ms = 10'000;
  std::string reconfig_script;  ///< absolute path of the hook binary; empty: none
  bool operator==(const SentinelConfig&) const = default;
};

/// /meta/<dc>/clusters/<cluster>/<shard>: this DC's part
struct ShardConfig {
  std::string cluster, shard;
  std::optional<Address> upstream_keeper;  ///< hint of the console; the owner asks the active DC itself
  std::vector<KeeperConfig> keepers;
  std::vector<RedisConfig> redises;
  SentinelConfig sentinel;
  std::uint64_t version = 0;
  bool operator==(const ShardConfig&) const = default;
};

// ---------------------------------------------------------------------------------------------------------------
// Registrations (ephemeral)

/// /meta/<dc>/metaservers/<id>, and the data of the elector's nodes
struct MetaserverInfo {
  std::string id;
  Address rest;
  std::string version;
  std::int64_t started_ms = 0;      ///< wall clock, for people
  std::optional<Address> sentinel;  ///< where it speaks Sentinel's protocol
  bool operator==(const MetaserverInfo&) const = default;
};

/// /meta/<dc>/keeperhosts/<id>
struct KeeperHostInfo {
  std::string id;
  Address admin;
  std::string version;
  std::int64_t capacity_bytes = 0;
  bool operator==(const KeeperHostInfo&) const = default;
};

/// /elector/<dc>/<cluster>/<shard>/keeper/<guid>-<host>-<seq>
struct KeeperRegistration {
  std::string host;
  Address address;
  std::string uuid;  ///< of the keeper's store; another one at the same address is another keeper
  bool operator==(const KeeperRegistration&) const = default;
};

// ---------------------------------------------------------------------------------------------------------------
// Slots

/// /meta/<dc>/slots
struct SlotTable {
  std::uint64_t version = 0;        ///< rises with each assignment
  std::vector<std::string> owners;  ///< 256 metaserver ids
  bool operator==(const SlotTable&) const = default;
};

// ---------------------------------------------------------------------------------------------------------------
// Events: /event/<dc>/<cluster>/e-<seq>

struct Event {
  std::string type;           ///< one of kEventTypes
  std::string id;             ///< unique, chosen by the console
  std::uint64_t version = 0;  ///< the /meta version that it announces
  std::int64_t at_ms = 0;
  std::string by;
  std::string shard;  ///< empty: the whole cluster
  std::map<std::string, std::string> payload;
  bool operator==(const Event&) const = default;
};
inline constexpr std::string_view kEventTypes[] = {
    "keeperAdd",          "keeperDelete",        "keeperStart",     "keeperStop",    "promoteMaster",
    "redisMasterChanged", "keeperActiveChanged", "upstreamChanged", "configChanged",
};

/// What became of the last event of a shard.
struct EventOutcome {
  std::string id;
  std::string type;
  std::uint64_t version = 0;
  bool applied = true;
  std::string reason;  ///< why it was rejected
  bool operator==(const EventOutcome&) const = default;
};

// ---------------------------------------------------------------------------------------------------------------
// Facts: /state/<dc>/<cluster>/<shard>, owner only, CAS

/// The steps that a DC's owner records for a planned switch. Source and target walk different subsets:
/// source: locked → unmonitored → freezing → frozen → fencing → fenced → (following | restoring)
/// target: locked → draining → drained → committed → promoted
enum class SwitchStep {
  locked,
  unmonitored,
  freezing,
  frozen,
  fencing,
  fenced,
  following,
  restoring,
  draining,
  drained,
  committed,
  promoted,
};
std::string_view to_string(SwitchStep step);
Result<SwitchStep> parse_switch_step(std::string_view text);

struct SwitchRecord {
  std::string operation;  ///< the console's operation id
  std::uint32_t cluster_epoch = 0;
  bool is_source = false;  ///< else this DC is the target
  std::string source_dc, target_dc;
  SwitchStep step = SwitchStep::locked;
  std::string replid;                 ///< of the frozen history, "" before the freeze
  std::int64_t offset = -1;           ///< F, -1 before the freeze
  std::optional<Address> keeper;      ///< source: the keeper that holds the hand-over
  std::optional<Address> old_master;  ///< source: the master that was fenced
  std::optional<int> ping_period_s;   ///< source, frozen by CLIENT PAUSE: repl-ping-replica-period before
  std::optional<Address> candidate;   ///< target: the replica that is promoted
  std::int64_t started_ms = 0;
  bool operator==(const SwitchRecord&) const = default;
};

struct ShardState {
  std::string cluster, shard;
  std::string active_dc;                 ///< the fact
  Epoch epoch;                           ///< of the newest order given
  std::optional<Address> master;         ///< in the active DC
  std::optional<Address> active_keeper;  ///< of this DC
  std::optional<Address>
      upstream;  ///< what the active keeper shall follow: master, or the active DC's keeper
  std::optional<SwitchRecord> switching;
  std::optional<EventOutcome> last_event;
  std::uint64_t config_version = 0;  ///< of the ShardConfig this state was made from
  std::string owner;                 ///< metaserver id that wrote it
  bool operator==(const ShardState&) const = default;
};

/// /switch/<cluster>/<shard>/<cluster epoch>, in the target DC only, created once
struct SwitchDecision {
  bool commit = false;  ///< "COMMIT" or "ABORT"
  std::string operation;
  std::string by;
  std::int64_t at_ms = 0;
  bool operator==(const SwitchDecision&) const = default;
};

// ---------------------------------------------------------------------------------------------------------------
// Keepers: what KEEPER GETSTATE says

enum class KeeperState { unknown, pre_active, pre_backup, active, backup };
std::string_view to_string(KeeperState state);  ///< UNKNOWN PRE_ACTIVE PRE_BACKUP ACTIVE BACKUP
Result<KeeperState> parse_keeper_state(std::string_view text);

enum class HandoverState { none, armed, held, accepted };
std::string_view to_string(HandoverState state);  ///< none armed held accepted
Result<HandoverState> parse_handover_state(std::string_view text);

struct KeeperReport {
  std::string cluster, shard, uuid;
  KeeperState state = KeeperState::unknown;
  std::uint64_t epoch = 0;  ///< highest seen, packed
  std::optional<Address> upstream;
  std::string link = "none";  ///< none connecting handshake sync connected held
  std::string replid;         ///< "" with no history
  std::int64_t offset = 0;    ///< last byte stored
  std::string replid2;
  std::int64_t second_offset = -1;
  std::int64_t log_first = -1;   ///< first offset in the log, -1 with none
  std::int64_t rdb_offset = -1;  ///< -1 with no RDB
  HandoverState handover = HandoverState::none;
  std::int64_t handover_offset =
      -1;  ///< held or accepted: the offset the old master asked to continue from, minus 1
  std::int64_t full_syncs = 0;  ///< taken from upstream since its store was made
  std::int64_t full_syncs_served = 0;
  std::int64_t replicas = 0;  ///< downstream links that stream
  bool operator==(const KeeperReport&) const = default;
};

}  // namespace penstock::model
