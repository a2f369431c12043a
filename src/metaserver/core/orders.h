// The orders that bring what is observed to what is recorded. Level-triggered: nothing differs, nothing is
// ordered.
#pragma once

#include <vector>

#include "metaserver/core/action.h"
#include "metaserver/core/diagnosis.h"
#include "metaserver/core/master_choice.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct Orders {
  std::vector<Action> actions;
  std::vector<Finding> findings;
};

/// What the keeper at `address` shall be, by the recorded state alone; nullopt while it cannot be said.
std::optional<SetKeeperState> order_for(const ShardView& view, const Address& address);

/// O2 A keeper that Sentinel has just re-pointed to another member is left alone until the master is clear
/// again.
void order_keepers(const ShardView& view, const MasterChoice& master, Orders& orders);
/// Whether the keeper is what it was ordered to be, at the recorded epoch.
bool obeys(const model::KeeperReport& report, const SetKeeperState& order);
/// O1 A server that says role:master and holds data is re-pointed only while `master.agreed` (active DC) has
/// held for the grace, and in a backup DC only when all its data is known to be part of the chain's history.
void order_redises(const ShardView& view, const MasterChoice& master, const Policy& policy, Orders& orders);
void order_sentinels(const ShardView& view, const MasterChoice& master, const Policy& policy, Orders& orders);
void order_backlogs(const ShardView& view, const Policy& policy, Orders& orders);
/// Creates what config lists and nobody serves; removes what registers and config does not list.
void order_keeper_inventory(const ShardView& view, Orders& orders);

}  // namespace penstock::metaserver
