// Waits on the test's own thread for a condition instead of for a time.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace penstock::test {

/// Whether `condition` became true before `limit`; looks every 10 ms.
inline bool wait_until(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace penstock::test
