// What a session may rely on by its own clock. ZooKeeper tells of an expiry only after a reconnect, which may
// be never. Private to common/zk.
#pragma once

#include <ctime>

#include <algorithm>
#include <chrono>

namespace penstock::zk {

/// Monotonic, and goes on while the machine is suspended (std::chrono::steady_clock does not).
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec t{};
    clock_gettime(CLOCK_BOOTTIME, &t);
    return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
  }
};

class Lease {
 public:
  /// A probe that was sent at `sent` has been answered: the server cannot expire the session before `sent`
  /// plus the timeout. A follower reports to its leader only every half tick, hence the sixth that we do not
  /// use.
  void renewed(BootClock::time_point sent, std::chrono::milliseconds session_timeout) {
    end_ = std::max(end_, sent + session_timeout * 5 / 6);
  }
  void drop() { end_ = {}; }
  bool holds(BootClock::time_point now, std::chrono::milliseconds margin) const {
    return now + margin < end_;
  }

 private:
  BootClock::time_point end_{};
};

}  // namespace penstock::zk
