// The one way to put a deadline on an operation.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/async/sleep.h"

namespace penstock {

/// The result of `operation`, or Errc::timeout naming `what` after `limit`; the operation is cancelled then.
template <class T>
Task<Result<T>> within(Millis limit, std::string what, Task<Result<T>> operation) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (std::move(operation) || sleep_for(limit));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  if (!std::get<1>(first)) co_return fail(Errc::cancelled, what + ": stopping");
  co_return fail(Errc::timeout, what + ": no answer within " + std::to_string(limit.count()) + " ms");
}

}  // namespace penstock
