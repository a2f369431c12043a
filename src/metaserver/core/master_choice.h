// Active DC: who the master is, judged from ROLE and the Sentinels, and whether the facts are clear enough to
// re-point anybody. Penstock does not choose here; it verifies and follows.
#pragma once

#include <optional>
#include <string>

#include "metaserver/core/diagnosis.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct SentinelOpinion {
  std::optional<Address> majority;  ///< named by more than half of the configured Sentinels
  int naming_another = 0;           ///< Sentinels that name another address than the recorded master
  bool failover_in_progress = false;
  bool objectively_down = false;
};
SentinelOpinion sentinel_opinion(const ShardView& view, const std::optional<Address>& recorded);

struct MasterChoice {
  std::optional<Address> master;  ///< to be recorded; equals the recorded one when nothing changes
  bool clear = false;   ///< the recorded master says role:master, and no Sentinel disagrees or fails over
  bool agreed = false;  ///< clear, and the Sentinels' majority names it (or the shard has none)
  std::optional<Finding> finding;
};

/// M1 Another master is adopted only when it says role:master itself AND the majority of the Sentinels names
/// it. M2 Without configured Sentinels: only a hinted one that says role:master, while the recorded one does
/// not. M3 Nobody who is not in config is ever adopted. M4 With nothing recorded: the Sentinels' master, else
/// the configured initial master, else the only master that everybody else follows.
MasterChoice choose_master(const ShardView& view);

}  // namespace penstock::metaserver
