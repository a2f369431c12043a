// Consumes a cluster's events: each is judged by the core, and deleted in the same multi that records the
// outcome in /state of the shards that it concerns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metaserver/shard.h"

namespace penstock::metaserver {

/// In the order of their creation; stops at the first that cannot be consumed now (Errc::unavailable: a
/// shard's owner is not in office yet). `shards` are all shards of the cluster.
Task<Result<>> consume_events(Hub* hub, model::ClusterConfig cluster,
                              std::vector<std::shared_ptr<Shard>> shards);

}  // namespace penstock::metaserver
