// Waits for a condition instead of for a time.
#pragma once

#include <functional>

#include "common/async/sleep.h"

namespace penstock::test {

/// Whether `condition` became true before `limit`; looks every 5 ms.
inline Task<bool> eventually(std::function<bool()> condition, Millis limit = std::chrono::seconds(20)) {
  const auto deadline = MonoClock::now() + limit;
  while (!condition()) {
    if (MonoClock::now() > deadline) co_return false;
    if (auto slept = co_await sleep_for(Millis{5}); !slept) co_return false;
  }
  co_return true;
}

}  // namespace penstock::test
