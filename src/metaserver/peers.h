// Questions to the metaservers of other DCs, and to the consoles. Each is bounded; the servers of a DC are
// tried in turn.
#pragma once

#include <optional>
#include <string>

#include "common/async/task_group.h"
#include "common/http/http.h"
#include "common/model/model.h"
#include "metaserver/core/action.h"
#include "metaserver/core/shard_view.h"
#include "metaserver/core/switch_steps.h"

namespace penstock::metaserver {

/// The REST addresses of `dc` as the cluster's config carries them; empty when it carries none.
std::vector<Address> metaservers_of(const model::ClusterConfig& cluster, const std::string& dc);

/// The first 2xx answer of `servers`; the last problem otherwise. `limit` covers all of them.
Task<Result<http::Response>> ask_any(std::vector<Address> servers, http::Method method, std::string path,
                                     std::string body, Millis limit);

Task<Result<PeerKeeper>> ask_active_keeper(model::ClusterConfig cluster, std::string shard, std::string dc,
                                           Millis limit);
/// The decision of a switch, in the target DC.
Task<Result<KnownDecision>> ask_decision(model::ClusterConfig cluster, std::string shard, std::string dc,
                                         std::uint32_t epoch, Millis limit);

struct Notification {
  NotifyConsole what;
  std::string dc, cluster, shard, by;
};
/// POSTs to every console until each has taken it, a few times with growing pauses; then it is given up.
Task<void> notify_consoles(std::vector<std::string> consoles, Notification notification);
/// Wakes the owners of the cluster's other DCs.
Task<void> notify_peers(model::ClusterConfig cluster, std::string shard, Address active_keeper, Millis limit);

}  // namespace penstock::metaserver
