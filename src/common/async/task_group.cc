#include "common/async/task_group.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>

#include "common/base/check.h"

namespace penstock {
namespace {

[[noreturn]] void die_of_bug(const std::string& task, std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bug: exception left task '%s': %s\n", task.c_str(), e.what());
  } catch (...) {
    std::fprintf(stderr, "bug: unknown exception left task '%s'\n", task.c_str());
  }
  std::abort();
}

/// A cancelled awaitable throws operation_aborted from its next co_await; that is a normal end. Two that ran
/// side by side (operator&& and operator||) throw one exception that holds both.
bool is_cancellation(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& e) {
    return e.code() == boost::asio::error::operation_aborted;
  } catch (const boost::asio::multiple_exceptions& e) {
    return is_cancellation(e.first_exception());
  } catch (...) {
    return false;
  }
}

}  // namespace

TaskGroup::TaskGroup(Executor executor) : executor_(executor), empty_(std::move(executor), MonoTime::max()) {}

TaskGroup::~TaskGroup() {
  PS_CHECK(running_.empty(), "a TaskGroup is stopped before it is destroyed");
}

void TaskGroup::spawn(std::string name, Task<void> task) {
  if (stopping_) return;
  running_.emplace_back();
  const Iterator self = std::prev(running_.end());
  self->name = std::move(name);
  auto on_end = [this, self](std::exception_ptr exception) { finished(self, exception); };
  boost::asio::co_spawn(executor_, std::move(task),
                        boost::asio::bind_cancellation_slot(self->signal.slot(), std::move(on_end)));
}

void TaskGroup::finished(Iterator task, std::exception_ptr exception) {
  if (exception && !is_cancellation(exception)) die_of_bug(task->name, exception);
  running_.erase(task);
  if (stopping_ && running_.empty()) empty_.cancel();
}

void TaskGroup::cancel() {
  stopping_ = true;
  // A handler may end its task and erase it from the list while we walk: step first.
  for (auto task = running_.begin(); task != running_.end();) {
    auto current = task++;
    current->signal.emit(boost::asio::cancellation_type::terminal);
  }
}

Task<void> TaskGroup::stop() {
  // The joiner itself may be under cancellation; it still has to wait for its tasks.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  // Posted, so that a task which is just now running is suspended (or ended) when the signal arrives.
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  cancel();
  if (!running_.empty()) co_await empty_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace penstock
