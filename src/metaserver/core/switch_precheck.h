// Step 0 of a planned switch: whether it may begin. Looks, touches nothing.
#pragma once

#include <string>
#include <vector>

#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct PrecheckProblem {
  std::string code;  ///< a stable word
  std::string detail;
  bool operator==(const PrecheckProblem&) const = default;
};

/// Empty: this DC is ready to be the source (or the target) of a switch.
std::vector<PrecheckProblem> precheck(const ShardView& view, bool source, const Policy& policy);

}  // namespace penstock::metaserver
