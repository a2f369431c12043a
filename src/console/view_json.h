// The inventory as the REST shows it. For .cc files only.
#pragma once

#include "common/model/json_reader.h"
#include "console/core/inventory.h"
#include "console/store.h"

namespace penstock::console {

model::Json json_of(const Dc& dc);
model::Json json_of(const Redis& redis);
model::Json json_of(const Keeper& keeper);
model::Json json_of(const Cluster& cluster, const Shard& shard);
model::Json json_of(const Cluster& cluster);
model::Json json_of(const Webhook& webhook);
model::Json json_of(const Notification& notification);

}  // namespace penstock::console
