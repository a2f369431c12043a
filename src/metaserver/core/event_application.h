// What an event means for one shard. Intent stands in /meta already; most events only announce a version of
// it.
#pragma once

#include <optional>
#include <string>

#include "common/model/model.h"

namespace penstock::metaserver {

struct EventVerdict {
  model::EventOutcome outcome;         ///< recorded in /state in the multi that deletes the event
  std::optional<Address> master_hint;  ///< somebody says who the master is; to be verified
  bool ask_peers = false;              ///< the upstream may have moved
};

/// `cluster` and `shard` as read after a ZooKeeper sync, nullopt when there is no such node. Total.
EventVerdict apply_event(const model::Event& event, const std::optional<model::ClusterConfig>& cluster,
                         const std::optional<model::ShardConfig>& shard);

/// The outcome of an event that is not even readable.
model::EventOutcome reject_unreadable(const std::string& node, const std::string& why);

}  // namespace penstock::metaserver
