#pragma once

#include "common/async/task.h"

namespace penstock {

/// Waits `duration` on the coroutine's executor. Errc::cancelled when the owner stops meanwhile.
Task<Result<>> sleep_for(Millis duration);

}  // namespace penstock
