// Names of data centers, clusters, shards, hosts: [A-Za-z0-9._-]{1,64}, never "." or "..".
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace penstock {

/// `field` is what the error names, e.g. "cluster".
Result<> check_name(std::string_view field, std::string_view name);
/// As check_name, and refuses the names that the REST paths have taken (design: api v1 shard metaserver …).
Result<> check_cluster_name(std::string_view name);
/// As check_name, and refuses backup, active, upstreamchanged.
Result<> check_shard_name(std::string_view name);

inline constexpr int kSlotCount = 256;
/// The slot that decides which metaserver owns all shards of a cluster: CRC-32 (IEEE 802.3) of its name, mod
/// 256.
int slot_of(std::string_view cluster);

}  // namespace penstock
