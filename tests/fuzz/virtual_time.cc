#include "fuzz/virtual_time.h"

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace {

std::chrono::nanoseconds now = std::chrono::hours(1000);

}  // namespace

void penstock::fuzz::pass(std::chrono::milliseconds time) {
  now += time;
}

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (clock != CLOCK_MONOTONIC) return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  time->tv_sec = now / std::chrono::seconds(1);
  time->tv_nsec = (now % std::chrono::seconds(1)).count();
  return 0;
}

/// Without it Asio looks at its timers whenever it is polled, and does not wait for the kernel to say so.
extern "C" int timerfd_create(int, int) noexcept {
  errno = EINVAL;
  return -1;
}
