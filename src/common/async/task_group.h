// The owner of coroutines: everything that runs beside the caller is spawned here, and stop() cancels and
// joins it.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <string>

#include "common/async/task.h"

namespace penstock {

/// Lives on one executor. Must outlive its tasks: call `co_await stop()` before destroying it (destruction
/// with tasks still running is a bug and aborts, unless its io_context has been stopped for good).
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// Starts `task`. After stop() has begun the task is dropped unstarted. An exception that leaves a task is
  /// a bug: it is printed with `name` and ends the process.
  void spawn(std::string name, Task<void> task);

  /// Asks every task to end (their waits return Errc::cancelled) without waiting for them.
  void cancel();

  /// cancel(), then waits until every task has ended. May be awaited once. Not from within one of its own
  /// tasks.
  Task<void> stop();

  bool stopping() const { return stopping_; }
  std::size_t size() const { return running_.size(); }
  Executor executor() const { return executor_; }

 private:
  struct Running {
    std::string name;
    boost::asio::cancellation_signal signal;
  };
  using Iterator = std::list<Running>::iterator;
  void finished(Iterator task, std::exception_ptr exception);

  Executor executor_;
  std::list<Running> running_;
  boost::asio::steady_timer empty_;
  bool stopping_ = false;
};

}  // namespace penstock
