// The thread on which handles are opened and closed: both block (name resolution; up to some seconds of
// flushing), and closing on the client's own completion thread would never finish. Private to common/zk.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace penstock::zk {

class Reaper {
 public:
  Reaper() : thread_([this] { run(); }) {}
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper() { finish(); }

  /// Jobs run one after the other, in order.
  void submit(std::function<void()> job);
  /// Waits for every job, then joins the thread. Later jobs are dropped.
  void finish();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> jobs_;
  bool finishing_ = false;
  std::thread thread_;  ///< last: starts when the rest is there
};

}  // namespace penstock::zk
