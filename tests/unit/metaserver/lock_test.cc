#include "common/async/lock.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "common/async/task_group.h"
#include "metaserver/gather.h"
#include "support/run_task.h"

namespace penstock::metaserver::test {
namespace {

struct Room {
  explicit Room(Executor executor) : lock(executor) {}
  Lock lock;
  int inside = 0, most = 0;
  std::vector<int> order;
};

Task<void> visit(Room* room, int who) {
  auto held = co_await room->lock.take();
  if (!held) co_return;
  room->most = std::max(room->most, ++room->inside);
  room->order.push_back(who);
  for (int i = 0; i < 3; ++i) co_await boost::asio::post(boost::asio::use_awaitable);
  room->inside--;
}

TEST(Lock, holds_one_at_a_time_in_the_order_of_asking) {
  boost::asio::io_context loop;
  Room room(loop.get_executor());
  std::vector<Task<void>> visits;
  for (int i = 0; i < 5; ++i) visits.push_back(visit(&room, i));
  penstock::test::run(loop, gather(std::move(visits)));
  EXPECT_EQ(room.most, 1);
  EXPECT_EQ(room.order, (std::vector<int>{0, 1, 2, 3, 4}));
}

Task<void> hold_for_ever(Room* room) {
  auto held = co_await room->lock.take();
  boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, MonoTime::max());
  co_await never.async_wait(boost::asio::use_awaitable);
}

Task<void> stop_all(TaskGroup* first, TaskGroup* second) {
  co_await boost::asio::post(boost::asio::use_awaitable);
  co_await first->stop();   // a waiter that gives up does not take the turn with it
  co_await second->stop();  // the holder goes
}

TEST(Lock, a_cancelled_waiter_and_a_cancelled_holder_leave_it_free) {
  boost::asio::io_context loop;
  Room room(loop.get_executor());
  TaskGroup holder(loop.get_executor()), waiter(loop.get_executor());
  holder.spawn("holder", hold_for_ever(&room));
  waiter.spawn("waiter", visit(&room, 1));
  penstock::test::run(loop, stop_all(&waiter, &holder));
  EXPECT_TRUE(room.order.empty());
  penstock::test::run(loop, visit(&room, 2));
  EXPECT_EQ(room.order, std::vector<int>{2});
}

}  // namespace
}  // namespace penstock::metaserver::test
