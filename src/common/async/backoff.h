// Retry delays: exponential with full jitter between half and whole. Pure; the caller passes the randomness.
#pragma once

#include <algorithm>
#include <chrono>

namespace penstock {

class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds ceiling)
      : first_(first), ceiling_(ceiling), next_(first) {}

  /// `unit_random` in [0, 1).
  std::chrono::milliseconds next(double unit_random) {
    const auto delay = next_;
    next_ = std::min(next_ * 2, ceiling_);
    const auto half = delay.count() / 2;
    return std::chrono::milliseconds(
        half + static_cast<std::int64_t>(static_cast<double>(delay.count() - half) * unit_random));
  }
  void reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_, ceiling_, next_;
};

}  // namespace penstock
