#include "common/async/wakeup.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace penstock {

void Wakeup::ring() {
  rung_ = true;
  if (waiting_) timer_.cancel();
}

Task<Result<bool>> Wakeup::wait_for(Millis limit) {
  if (!rung_) {
    timer_.expires_after(limit);
    waiting_ = true;
    auto [error] = co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    waiting_ = false;
    if (error && !rung_) co_return fail(Errc::cancelled, "stopping");
  }
  co_return std::exchange(rung_, false);
}

}  // namespace penstock
