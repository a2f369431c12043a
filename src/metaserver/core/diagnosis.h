// What is the matter with a shard, in one word: the same in log, metric, API and test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::metaserver {

/// Ordered: what comes later is worse, and names the shard when several hold.
enum class Diagnosis {
  healthy,
  syncing,             ///< everybody follows whom it should, some link is not up yet
  sentinel_missing,    ///< a configured Sentinel does not answer
  redis_missing,       ///< a configured Redis does not answer
  keeper_missing,      ///< a configured keeper does not answer
  ordering,            ///< observed differs from recorded; orders are under way
  keeper_elected,      ///< another active keeper was just recorded
  upstream_moved,      ///< another upstream was just recorded
  master_changed,      ///< another master was just recorded
  recording,           ///< another fact was just recorded
  taking_over,         ///< the owner begins, or begins anew, with a higher term
  switching,           ///< a planned switch is under way; reconcile holds still
  keeper_ahead,        ///< a keeper has seen a higher epoch than /state
  no_upstream,         ///< backup DC: nobody has told us the active DC's active keeper
  no_keeper,           ///< no keeper can be active
  master_moving,       ///< Sentinels fail over, or name somebody who is not a master yet
  master_demoted,      ///< the recorded master says that it is a replica
  master_unreachable,  ///< the recorded master does not answer
  no_master,           ///< active DC: no master is recorded and none can be
  intent_differs,      ///< config wants another active DC than is recorded; only a switch moves it
  unknown_master,      ///< Sentinels name a master that config does not list
  stray_master,        ///< a Redis that should follow is a master with data of its own
};
std::string_view to_string(Diagnosis diagnosis);

struct Finding {
  Diagnosis diagnosis;
  std::string why;
  bool operator==(const Finding&) const = default;
};

}  // namespace penstock::metaserver
