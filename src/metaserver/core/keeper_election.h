// Which keeper of this DC is the active one.
#pragma once

#include <optional>
#include <string>

#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

enum class KeeperChoice {
  kept,          ///< the recorded one lives
  kept_suspect,  ///< it misses probes, but not enough of them yet
  elected,       ///< another one than recorded
  none,          ///< nobody can be active
};
std::string_view to_string(KeeperChoice choice);

struct Election {
  KeeperChoice choice = KeeperChoice::none;
  std::optional<Address> keeper;
  std::string why;
};

/// E1 A recorded active keeper that lives and has data (or nobody has) stays. E2 Otherwise: most data at the
/// newest replid, then priority, then registration order, then address. E3 Only configured keepers that
/// answer as this shard's.
Election elect_keeper(const ShardView& view, const Policy& policy);

}  // namespace penstock::metaserver
