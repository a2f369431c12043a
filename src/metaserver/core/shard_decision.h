// Reconcile of a shard: view → diagnosis, actions in order, and why.
#pragma once

#include <string>
#include <vector>

#include "metaserver/core/action.h"
#include "metaserver/core/diagnosis.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct Decision {
  Diagnosis diagnosis = Diagnosis::healthy;
  std::string why;
  std::vector<Finding> findings;  ///< everything that was found; `diagnosis` is the worst of them
  std::vector<Action> actions;
};

/// Total and pure: same view, same decision. It never waits and never retries.
/// D1 What is to be recorded comes first and alone; orders are given only for what is recorded.
/// D2 Every recorded change of what keepers are told raises the term: one epoch never carries two different
/// orders. D3 During a switch nothing is ordered before the target is promoted, or the source follows.
Decision decide(const ShardView& view, const Policy& policy);

/// Whether reconcile holds still for the switch that is recorded.
bool switch_holds_reconcile(const model::ShardState& state);

}  // namespace penstock::metaserver
