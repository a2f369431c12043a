// Runs one coroutine to its end on a loop and gives its value to the test.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "common/async/task.h"

namespace penstock::test {

template <class T>
Task<void> store_result(Task<T> task, std::optional<T>* out) {
  out->emplace(co_await std::move(task));
}

/// Blocks until `task` has ended; other work on the loop goes on meanwhile. An exception of the task is
/// rethrown.
template <class T>
T run(boost::asio::io_context& loop, Task<T> task) {
  std::optional<T> result;
  std::exception_ptr exception;
  bool ended = false;
  boost::asio::co_spawn(loop, store_result(std::move(task), &result), [&](std::exception_ptr e) {
    exception = e;
    ended = true;
  });
  loop.restart();
  while (!ended) loop.run_one();
  if (exception) std::rethrow_exception(exception);
  return std::move(*result);
}

inline void run(boost::asio::io_context& loop, Task<void> task) {
  std::exception_ptr exception;
  bool ended = false;
  boost::asio::co_spawn(loop, std::move(task), [&](std::exception_ptr e) {
    exception = e;
    ended = true;
  });
  loop.restart();
  while (!ended) loop.run_one();
  if (exception) std::rethrow_exception(exception);
}

}  // namespace penstock::test
