// Runs several coroutines side by side and comes back when all have ended.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <vector>

#include "common/async/task.h"

namespace penstock::metaserver {

inline Task<void> gather(std::vector<Task<void>> tasks) {
  using namespace boost::asio::experimental::awaitable_operators;
  if (tasks.empty()) co_return;
  if (tasks.size() == 1) {
    co_await std::move(tasks.front());
    co_return;
  }
  const auto middle = tasks.begin() + static_cast<std::ptrdiff_t>(tasks.size() / 2);
  std::vector<Task<void>> left(std::make_move_iterator(tasks.begin()), std::make_move_iterator(middle));
  std::vector<Task<void>> right(std::make_move_iterator(middle), std::make_move_iterator(tasks.end()));
  co_await (gather(std::move(left)) && gather(std::move(right)));
}

}  // namespace penstock::metaserver
