// Who may use a connection: one at a time, in the order of asking.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <utility>

#include "common/async/task.h"

namespace penstock::resp {

/// Lives on one executor. (Not an Asio channel with one token: Boost 1.81 never fills a buffered channel
/// again after its last waiter was cancelled.)
class Turns {
 public:
  /// The right to go on; given back when it dies, also when it came to somebody who had stopped waiting by
  /// then.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Turns> turns) : turns_(std::move(turns)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_) turns_->pass_on();
    }

   private:
    std::shared_ptr<Turns> turns_;
  };

  /// Waits for everybody who asked before. Errc::cancelled on stop.
  static Task<Result<Turn>> take(std::shared_ptr<Turns> turns);

 private:
  struct Waiter {
    boost::asio::steady_timer timer;
    bool granted = false;
  };
  void pass_on();

  bool taken_ = false;
  std::list<Waiter*> waiters_;  ///< not yet granted, in the order of asking
};

}  // namespace penstock::resp
