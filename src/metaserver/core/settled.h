// Whether a shard in this DC is observed as it is recorded: what the last steps of a switch wait for.
#pragma once

#include <string>
#include <vector>

#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

/// What is not yet as recorded, one sentence each; empty: all that answers is in place. Keepers and Redis
/// servers that do not answer are not waited for, except the active keeper and the master.
std::vector<std::string> unsettled_links(const ShardView& view);
/// Sentinels that do not yet watch as recorded (active DC: the master; backup DC: nothing). One that does not
/// answer counts.
std::vector<std::string> unsettled_sentinels(const ShardView& view);
/// Members whose history differs from, or whose offset is too far behind, the head's (active DC: the master;
/// backup DC: the active keeper).
std::vector<std::string> unsettled_data(const ShardView& view, const Policy& policy);

std::string join(const std::vector<std::string>& sentences);

}  // namespace penstock::metaserver
