// Many waiters, one bell: "something changed, look again".
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <list>

#include "common/async/task.h"

namespace penstock {

/// Lives on one executor. Check the condition, then wait: between the two nothing else runs, so no ring is
/// missed.
class Broadcast {
 public:
  /// Wakes everybody who waits now.
  void ring();
  /// True when rung, false after `limit`. Errc::cancelled on stop. The object must outlive its waiters.
  Task<Result<bool>> wait_for(Millis limit);

 private:
  struct Waiter {
    boost::asio::steady_timer timer;
    bool rung = false;
  };
  std::list<Waiter*> waiters_;
};

}  // namespace penstock
