// The one encoder of the model: field names are camelCase and are the contract (proto/schemas). Decoding is
// strict about types and names the offending field; unknown fields are ignored, so that a newer writer does
// not stop us.
#pragma once

#include <string>
#include <string_view>

#include "common/model/model.h"

namespace penstock::model {

std::string to_json(const ClusterConfig&);
std::string to_json(const ShardConfig&);
std::string to_json(const MetaserverInfo&);
std::string to_json(const KeeperHostInfo&);
std::string to_json(const KeeperRegistration&);
std::string to_json(const SlotTable&);
std::string to_json(const Event&);
std::string to_json(const ShardState&);
std::string to_json(const SwitchDecision&);
std::string to_json(const KeeperReport&);

/// `from_json<ShardState>(text)`; invalid_argument "epoch.term: …", every problem on bad input.
template <class T>
Result<T> from_json(std::string_view text);

}  // namespace penstock::model
