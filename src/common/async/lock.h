// One holder at a time, in the order of asking. For coroutines of one loop; it guards what must not
// change between a look and the act that follows from it (a std::mutex must never be held across a co_await).
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "common/async/task.h"

namespace penstock {

class Lock {
 public:
  /// Releases when it goes out of scope.
  class Held {
   public:
    explicit Held(Lock* lock) : lock_(lock) {}
    Held(Held&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (lock_) lock_->release();
    }

   private:
    Lock* lock_;
  };

  explicit Lock(Executor executor) : turn_(std::move(executor), MonoTime::max()) {}

  /// Errc::cancelled when the waiter is cancelled. The lock must outlive the holder.
  Task<Result<Held>> take() {
    while (held_) {
      co_await turn_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      const auto state = co_await boost::asio::this_coro::cancellation_state;
      if (state.cancelled() != boost::asio::cancellation_type::none) {
        if (!held_) turn_.cancel_one();  // the turn that came with the cancellation goes to the next one
        co_return fail(Errc::cancelled, "stopping");
      }
    }
    held_ = true;
    co_return Held(this);
  }

 private:
  void release() {
    held_ = false;
    turn_.cancel_one();
  }

  boost::asio::steady_timer turn_;
  bool held_ = false;
};

}  // namespace penstock
