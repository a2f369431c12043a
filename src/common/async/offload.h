// Blocking work (disks, databases) beside the loop.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/async/task.h"
#include "common/base/known.h"

namespace penstock {

/// Returns when no thread is within offload() any more. A thread is still leaving the loop that it has come
/// back to when the work's owner goes on already: to be called before that loop is destroyed. Any thread.
void wait_for_offloads();

namespace detail {

void enter_offload();
void leave_offload();

/// `work`, and the way back to the loop. Nothing of the loop is held when leave_offload() is called.
template <class Shared, class Handler>
class Offload {
 public:
  Offload(std::shared_ptr<Shared> shared, Handler handler)
      : way_back_(std::make_unique<WayBack>(std::move(shared), std::move(handler))) {
    enter_offload();
  }
  void operator()() {
    {
      const auto back = std::move(way_back_);
      back->shared->result.emplace(back->shared->work());
      auto executor = back->guard.get_executor();
      boost::asio::post(executor, std::move(back->handler));
    }
    leave_offload();
  }

 private:
  struct WayBack {
    WayBack(std::shared_ptr<Shared> shared, Handler handler)
        : shared(std::move(shared)),
          guard(boost::asio::make_work_guard(boost::asio::get_associated_executor(handler))),
          handler(std::move(handler)) {}
    std::shared_ptr<Shared> shared;
    decltype(boost::asio::make_work_guard(
        boost::asio::get_associated_executor(std::declval<Handler&>()))) guard;
    Handler handler;
  };
  std::unique_ptr<WayBack> way_back_;
};

}  // namespace detail

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
    boost::asio::post(where, detail::Offload<Shared, decltype(handler)>(shared, std::move(handler)));
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      initiate, boost::asio::use_awaitable);
  co_return std::move(known(shared->result));
}

}  // namespace penstock
