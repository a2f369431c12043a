// Intent as the znodes of one data center, and what differs from what is there. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/model/model.h"
#include "console/core/inventory.h"

namespace penstock::console {

model::ClusterConfig render_cluster(const Inventory& inventory, const Cluster& cluster,
                                    const std::string& dc);
model::ShardConfig render_shard(const Inventory& inventory, const Cluster& cluster, const Shard& shard,
                                const std::string& dc);

/// The events that tell a shard's owner what a new config means: one for each keeper that came or went, a
/// configChanged otherwise. Their ids are left empty. `before` is nullopt for a new shard.
std::vector<model::Event> events_of(const std::optional<model::ShardConfig>& before,
                                    const model::ShardConfig& after);

}  // namespace penstock::console
