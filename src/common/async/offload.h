// Blocking work (disks, databases) beside the loop.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <type_traits>

#include "common/async/task.h"
#include "common/base/known.h"

namespace penstock {

/// Runs `work` on `where` (of a thread pool, or a strand of one) and resumes on the caller's loop with what
/// it returned. Cannot be cancelled: what is running on a thread is waited for. `work` must not touch what
/// the loop may touch meanwhile.
template <class Where, class F>
Task<std::invoke_result_t<F>> offload(Where where, F work) {
  using R = std::invoke_result_t<F>;
  struct Shared {
    F work;
    std::optional<R> result;
  };
  auto shared = std::make_shared<Shared>(Shared{std::move(work), {}});
  auto initiate = [where, shared](auto handler) {
    auto guard = boost::asio::make_work_guard(boost::asio::get_associated_executor(handler));
    boost::asio::post(where, [shared, guard, handler = std::move(handler)]() mutable {
      shared->result.emplace(shared->work());
      auto executor = guard.get_executor();
      boost::asio::post(executor, std::move(handler));
    });
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      initiate, boost::asio::use_awaitable);
  co_return std::move(known(shared->result));
}

}  // namespace penstock
