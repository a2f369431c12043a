#include "common/zk/reaper.h"

namespace penstock::zk {

void Reaper::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) return;
    jobs_.push_back(std::move(job));
  }
  more_.notify_one();
}

void Reaper::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  more_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reaper::run() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      more_.wait(lock, [this] { return finishing_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace penstock::zk
