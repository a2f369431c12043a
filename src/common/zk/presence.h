// The implementation of Presence, which the leader latch is built on. Private to common/zk.
#pragma once

#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "common/zk/zk.h"

namespace penstock::zk {

class KeptPresence final : public Presence {
 public:
  /// `on_change` (may be empty) is called after each change of path().
  KeptPresence(Executor executor, Zk& zk, std::string parent, std::string name, std::string data,
               CreateMode mode, std::function<void()> on_change);

  bool present() const override { return !path_.empty() && generation_ == zk_.session_generation(); }
  std::string path() const override { return present() ? path_ : ""; }
  void update(std::string data) override;
  Task<void> stop() override;

 private:
  Task<void> keep();
  /// One look at the node and what it takes to have it; an error is retried.
  Task<Result<>> look_after();
  Task<Result<>> find_or_create();
  Task<Result<>> create();
  Task<Result<std::string>> find_ours();
  Task<Result<>> leave();
  void at(std::string path);

  Zk& zk_;
  const std::string parent_, name_;
  const CreateMode mode_;
  const std::function<void()> on_change_;
  std::string data_;
  std::uint64_t data_revision_ = 1;
  std::uint64_t written_revision_ = 0;

  std::string path_;  ///< of our node in the session `generation_`, "" while absent
  std::uint64_t generation_ = 0;
  bool may_exist_ = false;  ///< a create was sent in this session and its answer has not been seen

  Wakeup wake_;
  Watcher watcher_;
  Zk::Subscription session_;
  TaskGroup tasks_;
};

}  // namespace penstock::zk
