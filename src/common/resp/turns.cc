#include "common/resp/turns.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace penstock::resp {

Task<Result<Turns::Turn>> Turns::take(std::shared_ptr<Turns> turns) {
  auto executor = co_await boost::asio::this_coro::executor;
  if (!turns->taken_) {
    turns->taken_ = true;
    co_return Turn(std::move(turns));
  }
  struct Listed {
    Turns& turns;
    Waiter waiter;
    ~Listed() { turns.waiters_.remove(&waiter); }
  } listed{*turns, {boost::asio::steady_timer(executor, MonoTime::max())}};
  turns->waiters_.push_back(&listed.waiter);
  co_await listed.waiter.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (!listed.waiter.granted) co_return fail(Errc::cancelled, "stopping");
  co_return Turn(std::move(turns));
}

void Turns::pass_on() {
  if (waiters_.empty()) {
    taken_ = false;
    return;
  }
  Waiter* next = waiters_.front();
  waiters_.pop_front();
  next->granted = true;
  next->timer.cancel();
}

}  // namespace penstock::resp
