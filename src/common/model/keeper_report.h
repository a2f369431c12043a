// KEEPER GETSTATE: a flat array of names and values (proto/keeper_commands.md), both ways.
#pragma once

#include "common/model/model.h"
#include "common/resp/value.h"

namespace penstock::model {

/// Unknown names are skipped, missing ones keep their defaults. Errc::protocol names the field that makes no
/// sense.
Result<KeeperReport> parse_keeper_report(const resp::Value& reply);
resp::Value to_resp(const KeeperReport& report);

}  // namespace penstock::model
