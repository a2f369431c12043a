#include <algorithm>
#include <charconv>

#include "common/async/backoff.h"
#include "common/log/log.h"
#include "common/zk/presence.h"

namespace penstock::zk {
namespace {

using namespace std::chrono_literals;

constexpr log::Logger kLog{"zk"};
constexpr Millis kLookAgain = 30s;

/// The number that ZooKeeper appended; candidates rank by it, whatever their names begin with.
std::int64_t sequence_of(std::string_view name) {
  const auto digits = name.substr(name.rfind('-') + 1);
  std::int64_t number = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

class Latch final : public LeaderLatch {
 public:
  Latch(Executor executor, Zk& zk, std::string parent, std::string data, std::function<void()> on_change)
      : zk_(zk),
        parent_(std::move(parent)),
        on_change_(std::move(on_change)),
        wake_(executor),
        watcher_([this] { wake_.ring(); }),
        session_(zk.on_session_change([this] { session_changed(); })),
        tasks_(executor),
        candidate_(executor, zk, parent_, "n", std::move(data), CreateMode::ephemeral_sequential,
                   [this] { wake_.ring(); }) {
    tasks_.spawn("election " + parent_, follow());
  }

  bool is_leader() const override {
    return token_ != 0 && node_ == candidate_.path() && zk_.connected() && zk_.lease_holds();
  }
  std::int64_t token() const override { return is_leader() ? token_ : 0; }
  std::string node_path() const override { return candidate_.path(); }

  Task<Result<std::string>> leader_data() override {
    PS_CO_TRY(auto names, co_await candidates());
    if (names.empty()) co_return fail(Errc::not_found, parent_ + ": there is no leader");
    PS_CO_TRY(auto node, co_await zk_.get(parent_ + "/" + names.front()));
    co_return std::move(node.data);
  }

  Task<void> stop() override {
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    session_.reset();
    co_await tasks_.stop();
    token_ = 0;
    co_await candidate_.stop();
  }

 private:
  /// Best first.
  Task<Result<std::vector<std::string>>> candidates() {
    PS_CO_TRY(auto names, co_await zk_.children(parent_));
    std::sort(names.begin(), names.end(),
              [](const auto& a, const auto& b) { return sequence_of(a) < sequence_of(b); });
    co_return names;
  }

  Task<void> follow() {
    Backoff backoff(100ms, 2s);
    for (;;) {
      auto known = zk_.connected() ? co_await rank() : Result<>(success());
      if (known) backoff.reset();
      if (!known && known.error().code == Errc::cancelled) co_return;
      if (!known) kLog.debug("election", {{"path", parent_}, {"error", known.error().text()}});
      const Millis pause = known ? kLookAgain : backoff.next(0.5);
      if (auto woken = co_await wake_.wait_for(pause); !woken) co_return;
    }
  }

  /// Finds our place: first is leader; everybody else waits for its predecessor to go, so that a death wakes
  /// one.
  Task<Result<>> rank() {
    const std::string node = candidate_.path();
    if (node.empty()) {
      settle("", 0);
      co_return success();  // the candidate rings when it is in
    }
    PS_CO_TRY(auto names, co_await candidates());
    const auto us = std::find(names.begin(), names.end(), name_of(node));
    if (us == names.end())
      co_return fail(Errc::not_found, node + ": our node is gone");  // it will be made again
    if (us != names.begin()) {
      settle(node, 0);
      PS_CO_TRY(auto ahead, co_await zk_.exists(parent_ + "/" + *std::prev(us), watcher_));
      if (!ahead) wake_.ring();
      co_return success();
    }
    PS_CO_TRY(auto stat, co_await zk_.exists(node, watcher_));
    if (!stat) co_return fail(Errc::not_found, node + ": our node is gone");
    settle(node, stat->czxid);
    co_return success();
  }

  void settle(const std::string& node, std::int64_t token) {
    const bool same = settled_ && node == node_ && token == token_;
    settled_ = true;
    if (same) return;
    if (token != 0) kLog.info("leader", {{"election", parent_}, {"token", token}});
    if (token == 0 && token_ != 0) kLog.info("no longer leader", {{"election", parent_}});
    node_ = node;
    token_ = token;
    if (on_change_) on_change_();
  }

  void session_changed() {
    wake_.ring();
    if (token_ != 0 && on_change_) on_change_();
  }

  Zk& zk_;
  const std::string parent_;
  const std::function<void()> on_change_;
  bool settled_ = false;
  std::string node_;        ///< our node when we last looked
  std::int64_t token_ = 0;  ///< its czxid, if it came first then

  Wakeup wake_;
  Watcher watcher_;
  Zk::Subscription session_;
  TaskGroup tasks_;
  KeptPresence candidate_;
};

}  // namespace

std::unique_ptr<LeaderLatch> join_election(Executor executor, Zk& zk, std::string parent, std::string data,
                                           std::function<void()> on_change) {
  return std::make_unique<Latch>(std::move(executor), zk, std::move(parent), std::move(data),
                                 std::move(on_change));
}

}  // namespace penstock::zk
