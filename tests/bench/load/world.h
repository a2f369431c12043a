// What the master's thread and the replicas' thread both see.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "bench/load/tape.h"

namespace penstock::bench {

using Clock = std::chrono::steady_clock;

inline double seconds(Clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

/// When the master has reached which offset, written by the master at each step of a paced stream. A ring:
/// who reads has to be less than its length behind.
class Stamps {
 public:
  struct Stamp {
    std::int64_t offset = 0;
    Clock::time_point at;
  };
  std::size_t count() const { return count_.load(std::memory_order_acquire); }
  const Stamp& operator[](std::size_t i) const { return ring_[i % ring_.size()]; }
  void add(Stamp stamp) {
    const std::size_t i = count_.load(std::memory_order_relaxed);
    ring_[i % ring_.size()] = stamp;
    count_.store(i + 1, std::memory_order_release);
  }

 private:
  std::vector<Stamp> ring_ = std::vector<Stamp>(1 << 18);
  std::atomic<std::size_t> count_ = 0;
};

struct World {
  static constexpr std::int64_t kNobody = std::numeric_limits<std::int64_t>::max();

  const Tape& tape;
  const std::vector<char>& rdb;
  const std::string replid;

  std::atomic<std::int64_t> head = 0;  ///< what the master has of the stream
  std::atomic<double> pace = 0;        ///< bytes per second; 0: as fast as the slowest replica takes it
  std::atomic<std::int64_t> slowest = kNobody;  ///< what the slowest of the attached replicas has
  /// The master waits for the slowest replica to get so far.
  std::atomic<std::int64_t> master_waits_for = kNobody;
  Stamps stamps = {};
};

}  // namespace penstock::bench
