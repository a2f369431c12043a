// The store behind one thread of its own: the loop never waits for the disk.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "common/async/offload.h"
#include "console/store.h"

namespace penstock::console {

class Database {
 public:
  explicit Database(std::unique_ptr<Store> store) : store_(std::move(store)), thread_(1) {}
  ~Database() { thread_.join(); }

  /// `call(store)` on the database thread; resumes on the caller's loop with what it returned.
  template <class F>
  auto run(F call) -> Task<std::invoke_result_t<F, Store&>> {
    auto work = [call = std::move(call), store = store_.get()]() mutable { return call(*store); };
    co_return co_await offload(thread_.get_executor(), std::move(work));
  }

 private:
  std::unique_ptr<Store> store_;
  boost::asio::thread_pool thread_;
};

}  // namespace penstock::console
