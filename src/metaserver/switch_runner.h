// One step of a planned switch: gather facts, ask the core for the next move, carry it out, until the step is
// done, refused, or out of time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "metaserver/shard.h"

namespace penstock::metaserver {

struct SwitchOutcome {
  bool problem = false;
  int status = 200;  ///< of a problem: 409, 503, 504 …
  std::string code;  ///< of a problem
  std::string detail;
  Done done;  ///< when there is no problem
  std::int64_t duration_ms = 0;
};

/// Never longer than the request's timeout plus one command's deadline. Repeating it is safe.
Task<SwitchOutcome> run_switch_step(std::shared_ptr<Shard> shard, SwitchRequest request);

}  // namespace penstock::metaserver
