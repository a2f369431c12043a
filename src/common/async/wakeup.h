// A level-triggered bell: ring() any number of times, wait_for() returns once for all of them.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "common/async/task.h"

namespace penstock {

/// One waiter at a time. Lives on one executor; ring() only from that executor (post to it from elsewhere).
class Wakeup {
 public:
  explicit Wakeup(Executor executor) : timer_(std::move(executor)) {}

  void ring();
  /// Returns when rung (true; a ring since the last wait counts), or after `limit` (false). Errc::cancelled
  /// on stop.
  Task<Result<bool>> wait_for(Millis limit);

 private:
  boost::asio::steady_timer timer_;
  bool rung_ = false;
  bool waiting_ = false;
};

}  // namespace penstock
