#include "common/async/broadcast.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace penstock {

void Broadcast::ring() {
  for (Waiter* waiter : waiters_) {
    waiter->rung = true;
    waiter->timer.cancel();
  }
}

Task<Result<bool>> Broadcast::wait_for(Millis limit) {
  struct Listed {
    std::list<Waiter*>& list;
    std::list<Waiter*>::iterator self;
    ~Listed() { list.erase(self); }
  };
  Waiter waiter{boost::asio::steady_timer(co_await boost::asio::this_coro::executor, limit)};
  waiters_.push_back(&waiter);
  const Listed listed{waiters_, std::prev(waiters_.end())};
  auto [error] = co_await waiter.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (waiter.rung) co_return true;
  if (error) co_return fail(Errc::cancelled, "stopping");
  co_return false;
}

}  // namespace penstock
