// The words sent to keepers, Redis servers and Sentinels, and what their answers mean. No I/O here.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/resp/encode.h"
#include "common/resp/value.h"
#include "metaserver/core/action.h"
#include "metaserver/core/shard_view.h"
#include "metaserver/core/switch_steps.h"

namespace penstock::metaserver {

resp::Command set_state_command(const SetKeeperState& order);
resp::Command arm_command(const ArmHandover& arm);
std::vector<resp::Command> sentinel_settings(const model::SentinelConfig& config);

/// INFO with all default sections; fills everything but address, failures and role_since_ms.
Result<RedisObservation> parse_redis(const resp::Value& info);
/// SENTINEL MASTER and SENTINEL GET-MASTER-ADDR-BY-NAME of one name; fills all but address and
/// master_since_ms.
Result<SentinelObservation> parse_sentinel(const resp::Value& master, const resp::Value& address);

}  // namespace penstock::metaserver
