#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <thread>

#include "common/async/backoff.h"
#include "common/async/broadcast.h"
#include "common/async/offload.h"
#include "common/async/sleep.h"
#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "common/async/within.h"
#include "support/eventually.h"
#include "support/run_task.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;
using test::run;

Task<Result<int>> answer_after(Millis delay, int value) {
  PS_CO_TRY(co_await sleep_for(delay));
  co_return value;
}
Task<Result<int>> fail_after(Millis delay) {
  PS_CO_TRY(co_await sleep_for(delay));
  co_return fail(Errc::refused, "no");
}

TEST(Within, gives_the_answer_the_error_or_the_timeout) {
  boost::asio::io_context loop;
  EXPECT_EQ(run(loop, within(1s, "ask", answer_after(1ms, 7))).value(), 7);

  const auto start = MonoClock::now();
  EXPECT_EQ(run(loop, within(10s, "ask", fail_after(1ms))).error().code, Errc::refused);
  EXPECT_LT(MonoClock::now() - start, 5s) << "an error ends the wait at once";

  const auto late = run(loop, within(5ms, "ask the keeper", answer_after(10s, 7)));
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_TRUE(late.error().message.starts_with("ask the keeper"));
}

struct Ended {
  int* count;
  ~Ended() { ++*count; }
};
Task<void> sleep_long(int* ended) {
  Ended mark{ended};
  auto slept = co_await sleep_for(1h);
  EXPECT_EQ(slept.error().code, Errc::cancelled);
  auto again = co_await sleep_for(1h);  // throws operation_aborted: the group takes that for an end
  ADD_FAILURE() << "not reached " << again.has_value();
}
Task<void> spawn_and_stop(int* ended) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < 3; ++i) group.spawn("sleeper", sleep_long(ended));
  co_await group.stop();
  EXPECT_EQ(*ended, 3) << "stop() joins";
  group.spawn("late", sleep_long(ended));
  EXPECT_EQ(group.size(), 0u);
}

TEST(TaskGroup, stop_cancels_and_joins) {
  boost::asio::io_context loop;
  int ended = 0;
  run(loop, spawn_and_stop(&ended));
  EXPECT_EQ(ended, 3);
}

Task<void> throw_a_bug() {
  if (auto slept = co_await sleep_for(1ms); !slept) co_return;
  throw std::logic_error("surprise");
}
TEST(TaskGroupDeathTest, an_exception_that_leaves_a_task_ends_the_process_and_names_the_task) {
  EXPECT_DEATH(
      {
        boost::asio::io_context loop;
        TaskGroup group(loop.get_executor());
        group.spawn("the culprit", throw_a_bug());
        loop.run();
      },
      "the culprit.*surprise");
}

Task<void> ring_twice_wait_twice() {
  Wakeup bell(co_await boost::asio::this_coro::executor);
  bell.ring();
  bell.ring();
  EXPECT_TRUE((co_await bell.wait_for(10s)).value());
  EXPECT_FALSE((co_await bell.wait_for(1ms)).value()) << "two rings before a wait are one";
}
TEST(Wakeup, is_level_triggered) {
  boost::asio::io_context loop;
  run(loop, ring_twice_wait_twice());
}

Task<void> wait_into(Broadcast* bell, Millis limit, std::vector<std::string>* ends) {
  auto rung = co_await bell->wait_for(limit);
  ends->push_back(!rung ? std::string(to_string(rung.error().code)) : rung.value() ? "rung" : "late");
}

TEST(Broadcast, wakes_everybody_who_waits_and_nobody_who_comes_later) {
  boost::asio::io_context loop;
  Broadcast bell;
  TaskGroup group(loop.get_executor());
  std::vector<std::string> ends;
  bell.ring();  // nobody waits: nothing is kept
  for (int i = 0; i < 3; ++i) group.spawn("waiter", wait_into(&bell, 1h, &ends));
  loop.poll();
  EXPECT_TRUE(ends.empty());
  bell.ring();
  bell.ring();
  group.spawn("too late", wait_into(&bell, 1ms, &ends));
  EXPECT_TRUE(run(loop, test::eventually([&] { return ends.size() == 4; })));
  EXPECT_EQ(ends, (std::vector<std::string>{"rung", "rung", "rung", "late"}));
  bell.ring();  // those who ended are forgotten
  run(loop, group.stop());
}

TEST(Broadcast, stop_cancels_a_waiter_and_leaves_the_others) {
  boost::asio::io_context loop;
  Broadcast bell;
  TaskGroup stopped(loop.get_executor()), other(loop.get_executor());
  std::vector<std::string> ends;
  stopped.spawn("stopped", wait_into(&bell, 1h, &ends));
  other.spawn("other", wait_into(&bell, 1h, &ends));
  loop.poll();
  run(loop, stopped.stop());
  EXPECT_EQ(ends, (std::vector<std::string>{"cancelled"}));
  bell.ring();
  EXPECT_TRUE(run(loop, test::eventually([&] { return ends.size() == 2; })));
  EXPECT_EQ(ends[1], "rung");
  run(loop, other.stop());
}

Task<std::pair<std::thread::id, std::thread::id>> where(boost::asio::thread_pool* pool) {
  const auto worker = co_await offload(pool->get_executor(), [] { return std::this_thread::get_id(); });
  co_return std::pair{worker, std::this_thread::get_id()};
}
TEST(Offload, works_on_the_pool_and_resumes_on_the_loop) {
  boost::asio::io_context loop;
  boost::asio::thread_pool pool(2);
  const auto [worker, caller] = run(loop, where(&pool));
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(caller, std::this_thread::get_id());
}

TEST(Offload, moves_work_and_result) {
  boost::asio::io_context loop;
  boost::asio::thread_pool pool(1);
  auto number = std::make_unique<int>(7);
  auto back = run(loop, offload(pool.get_executor(),
                                [number = std::move(number)]() mutable { return std::move(number); }));
  EXPECT_EQ(*back, 7);
  EXPECT_EQ(
      run(loop, offload(pool.get_executor(), []() -> Result<int> { return fail(Errc::io, "disk full"); }))
          .error()
          .code,
      Errc::io);
}

Task<void> add(boost::asio::thread_pool* pool, int i, int* sum) {
  *sum += co_await offload(pool->get_executor(), [i] { return i; });  // the sum is touched on the loop only
}
TEST(Offload, many_at_once) {
  boost::asio::io_context loop;
  boost::asio::thread_pool pool(4);
  TaskGroup group(loop.get_executor());
  int sum = 0;
  for (int i = 1; i <= 1000; ++i) group.spawn("add", add(&pool, i, &sum));
  EXPECT_TRUE(run(loop, test::eventually([&] { return sum == 500'500; })));
  run(loop, group.stop());
}

/// Work that a thread is doing cannot be taken back: stop() waits for it, and what it uses lives until then.
TEST(Offload, stop_waits_for_the_work) {
  boost::asio::io_context loop;
  boost::asio::thread_pool pool(1);
  TaskGroup group(loop.get_executor());
  std::atomic<bool> begun = false, go_on = false, done = false;
  struct Work {
    std::atomic<bool>&begun, &go_on, &done;
    int operator()() const {
      begun = true;
      begun.notify_all();
      go_on.wait(false);
      done = true;
      return 0;
    }
  };
  struct Caller {
    static Task<void> call(boost::asio::thread_pool* pool, Work work) {
      co_await offload(pool->get_executor(), work);
    }
  };
  group.spawn("caller", Caller::call(&pool, {begun, go_on, done}));
  loop.poll();
  begun.wait(false);
  group.cancel();
  loop.poll();
  EXPECT_EQ(group.size(), 1u) << "not ended while the thread works";
  go_on = true;
  go_on.notify_all();
  run(loop, group.stop());
  EXPECT_TRUE(done);
}

TEST(Backoff, doubles_to_its_ceiling_with_jitter_between_half_and_whole) {
  Backoff backoff(100ms, 300ms);
  EXPECT_EQ(backoff.next(0.0), 50ms);
  EXPECT_EQ(backoff.next(0.999), 199ms);
  EXPECT_EQ(backoff.next(0.0), 150ms);
  EXPECT_EQ(backoff.next(0.0), 150ms);
  backoff.reset();
  EXPECT_EQ(backoff.next(0.0), 50ms);
}

Task<void> heed_nothing() {
  for (;;) {
    [[maybe_unused]] auto slept = co_await sleep_for(1ms);
  }
}
Task<void> heed_nothing_twice() {
  using namespace boost::asio::experimental::awaitable_operators;
  co_await (heed_nothing() && heed_nothing());
}
Task<void> heed_nothing_within() {
  using namespace boost::asio::experimental::awaitable_operators;
  co_await (heed_nothing_twice() || heed_nothing_twice());
}

Task<std::size_t> stopped_in_the_middle() {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  group.spawn("both", heed_nothing_twice());
  group.spawn("either", heed_nothing_within());
  [[maybe_unused]] auto slept = co_await sleep_for(5ms);
  co_await group.stop();
  co_return group.size();
}

TEST(TaskGroup, tasks_side_by_side_that_are_cancelled_end_normally) {
  boost::asio::io_context loop;
  EXPECT_EQ(run(loop, stopped_in_the_middle()), 0u);
}

}  // namespace
}  // namespace penstock
