// What every coroutine of ours is: Task<T>, an Asio awaitable that returns a value or a Result, and does not
// throw.
//
// Rules (docs/hacking.md has the reasons): parameters by value; no capturing lambda as a coroutine; every
// coroutine is owned by a TaskGroup; every wait has a deadline; cancellation ends a wait with
// Errc::cancelled.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "common/base/result.h"

namespace penstock {

template <class T = void>
using Task = boost::asio::awaitable<T>;

using Executor = boost::asio::any_io_executor;
using Millis = std::chrono::milliseconds;
/// Leases, deadlines and intervals are measured on this clock only. Wall-clock time is for people and logs.
using MonoClock = std::chrono::steady_clock;
using MonoTime = MonoClock::time_point;

}  // namespace penstock
