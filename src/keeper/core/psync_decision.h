// What a keeper answers to PSYNC. Pure; the rules are those of Redis 7.0.15 replication.c:725-770 with three
// differences: several old replids, a request ahead of the log waits (bounded) while the keeper may only be
// late, and an upstream that is down stops nobody who can be continued.
// Who needs an RDB gets the one that is just arriving.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "keeper/core/repl_history.h"

namespace penstock::keeper {

struct PsyncRequest {
  std::string replid;      ///< "?" asks for a full sync
  std::int64_t from = -1;  ///< first byte wanted; -1 with "?"
  bool failover = false;   ///< PSYNC … FAILOVER: the hand-over of a planned switch
  bool operator==(const PsyncRequest&) const = default;
};

/// What the keeper can offer beside its log.
struct PsyncOffer {
  bool serves_replicas = true;             ///< false: BACKUP or not confirmed; who asks is parked
  bool upstream_synced = false;            ///< the upstream link streams, so `end` is as new as it gets
  bool rdb_arriving = false;               ///< a full sync from upstream is under way
  std::optional<std::int64_t> rdb_offset;  ///< a complete RDB whose offset connects to the log
  /// One that is being received, good enough so far to be passed on.
  struct InTransit {
    std::int64_t offset = 0;
    bool new_history = false;  ///< it will take the place of all that is held; else it joins the log
    bool doubtful = false;     ///< the one before came to nothing
  };
  std::optional<InTransit> rdb_in_transit;
  std::int64_t waited_ms = 0;  ///< how long this request has been held already
  std::int64_t wait_ms_max = 10'000;
  std::int64_t gained = 0;  ///< how much has arrived meanwhile
};

struct Continue {
  std::string replid;  ///< to be sent with +CONTINUE: the current one
  std::int64_t from = 0;
  bool operator==(const Continue&) const = default;
};
struct FullResync {
  enum class Why { asked_for_it, unknown_id, diverged, trimmed, ahead };
  Why why = Why::asked_for_it;
  std::int64_t rdb_offset = 0;
  bool in_transit = false;  ///< from the RDB that is being received
  bool operator==(const FullResync&) const = default;
};
/// Hold the connection ("\n" each second keeps it alive) and decide again when something changes.
struct WaitFor {
  enum class What { promotion, rdb, upstream_catches_up };
  What what = What::rdb;
  bool needs_rdb = false;  ///< nothing usable is there: a full sync from upstream has to be started
  bool operator==(const WaitFor&) const = default;
};
/// -NOMASTERLINK: the replica retries in a second and keeps its position.
struct TryLater {
  std::string reason;
  bool operator==(const TryLater&) const = default;
};

using PsyncDecision = std::variant<Continue, FullResync, WaitFor, TryLater>;

/// Total. PSYNC FAILOVER is not decided here but in handover.h.
PsyncDecision decide_psync(const PsyncRequest& request, const ReplHistory& history, const PsyncOffer& offer);
std::string_view to_string(FullResync::Why why);

}  // namespace penstock::keeper
