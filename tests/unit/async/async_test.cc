#include <gtest/gtest.h>

#include "common/async/backoff.h"
#include "common/async/sleep.h"
#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "common/async/within.h"
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

TEST(Backoff, doubles_to_its_ceiling_with_jitter_between_half_and_whole) {
  Backoff backoff(100ms, 300ms);
  EXPECT_EQ(backoff.next(0.0), 50ms);
  EXPECT_EQ(backoff.next(0.999), 199ms);
  EXPECT_EQ(backoff.next(0.0), 150ms);
  EXPECT_EQ(backoff.next(0.0), 150ms);
  backoff.reset();
  EXPECT_EQ(backoff.next(0.0), 50ms);
}

}  // namespace
}  // namespace penstock
