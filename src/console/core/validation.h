// Whether something may be added to the inventory. Pure: intent and addition in, verdict out.
//
// Errors: invalid_argument (the input is wrong, the field is named), not_found (it refers to what does not
// exist), conflict (it, or its address, exists already and differs). `already_there`: exactly this exists;
// nothing is to be done.
#pragma once

#include "console/core/inventory.h"

namespace penstock::console {

enum class Addition { fresh, already_there };

Result<Addition> check_dc(const Inventory& inventory, const Dc& dc);
Result<Addition> check_cluster(const Inventory& inventory, const Cluster& cluster);
Result<Addition> check_shard(const Inventory& inventory, const std::string& cluster,
                             const std::string& shard);
Result<Addition> check_redis(const Inventory& inventory, const std::string& cluster, const std::string& shard,
                             const Redis& redis);
Result<Addition> check_keeper(const Inventory& inventory, const std::string& cluster,
                              const std::string& shard, const Keeper& keeper);
/// A DC that a cluster uses stays.
Result<> check_dc_removal(const Inventory& inventory, const std::string& dc);

/// not_found naming the cluster, or the shard.
Result<const Cluster*> find_cluster(const Inventory& inventory, const std::string& cluster);
Result<const Shard*> find_shard(const Inventory& inventory, const std::string& cluster,
                                const std::string& shard);

/// Whether `cluster` may be asked to move to `target`: it must be one of its DCs. (That it is the intended
/// active one already is no objection here: a split cluster is brought back this way.)
Result<> check_switch_target(const Inventory& inventory, const std::string& cluster,
                             const std::string& target);

}  // namespace penstock::console
