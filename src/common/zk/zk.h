// ZooKeeper for coroutines. Everything that is easy to get wrong with the C client is impossible here:
// completions only post to the loop, handles are closed by a reaper thread, stale callbacks of an older
// handle are dropped, a request that is too large is refused before it is sent, and the lease is our own
// (monotonic clock), not the server's word.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "common/async/task.h"

namespace penstock::zk {

struct Stat {
  std::int64_t czxid = 0;
  std::int64_t mzxid = 0;
  std::int32_t version = 0;
  std::int32_t children = 0;
  std::int64_t ephemeral_owner = 0;  ///< session id, 0 for a persistent node
};

struct Node {
  std::string data;
  Stat stat;
};

enum class CreateMode { persistent, persistent_sequential, ephemeral, ephemeral_sequential };

inline constexpr std::int32_t kAnyVersion = -1;

/// One operation of an all-or-nothing multi.
struct Op {
  enum class Kind { create, set, remove, check } kind;
  std::string path;
  std::string data;
  std::int32_t version = kAnyVersion;
  CreateMode mode = CreateMode::persistent;

  static Op create(std::string path, std::string data, CreateMode mode = CreateMode::persistent) {
    return {Kind::create, std::move(path), std::move(data), kAnyVersion, mode};
  }
  static Op set(std::string path, std::string data, std::int32_t version) {
    return {Kind::set, std::move(path), std::move(data), version, {}};
  }
  static Op remove(std::string path, std::int32_t version) {
    return {Kind::remove, std::move(path), {}, version, {}};
  }
  static Op check(std::string path, std::int32_t version) {
    return {Kind::check, std::move(path), {}, version, {}};
  }
};

/// Called once on the loop when the watched thing may have changed, also when the session has been replaced
/// (then as soon as the new one is connected). A hint only: read again. A plain callable is for a single
/// wait, and must stay callable until the session is stopped; whoever reads the same path again and again, or
/// may die earlier, passes a Watcher.
class OnChange {
 public:
  OnChange() = default;
  template <class F>
    requires(std::is_invocable_v<F&> && !std::is_same_v<std::remove_cvref_t<F>, OnChange>)
  OnChange(F call)
      : call_(std::make_shared<std::function<void()>>(std::move(call))), alive_(call_) {}  // NOLINT: implicit

  explicit operator bool() const { return !alive_.expired(); }
  void operator()() const {
    if (auto call = alive_.lock()) (*call)();
  }
  /// Whether both came from the same Watcher.
  bool same_as(const OnChange& other) const {
    return !alive_.owner_before(other.alive_) && !other.alive_.owner_before(alive_);
  }

 private:
  friend class Watcher;
  std::shared_ptr<std::function<void()>> call_;  ///< null for a Watcher's: the Watcher owns it
  std::weak_ptr<std::function<void()>> alive_;
};

/// Owns what its watches call: nothing is called once it is gone, and reading a path again with the same
/// Watcher replaces its watch there instead of adding one. `zk.get(path, watcher_)`.
class Watcher {
 public:
  explicit Watcher(std::function<void()> changed)
      : call_(std::make_shared<std::function<void()>>(std::move(changed))) {}
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  operator OnChange() const {  // NOLINT: implicit
    OnChange hook;
    hook.alive_ = call_;
    return hook;
  }

 private:
  std::shared_ptr<std::function<void()>> call_;
};

/// Errors: not_found (no node; for create: no parent), conflict (node exists, version differs, directory not
/// empty; in a multi the message names the operation that failed), unavailable (not connected: nothing was
/// sent), timeout (no answer within the request timeout, or the connection was lost meanwhile: the effect is
/// unknown), invalid_argument (a bad path, over 512 KiB, over 500 operations, or more than 256 KiB of watched
/// paths), refused (ACL), cancelled (closing). Paths are absolute below the chroot, "/meta/east/…". Lives on
/// one loop.
class Zk {
 public:
  virtual ~Zk() = default;

  virtual Task<Result<Node>> get(std::string path, OnChange on_change = {}) = 0;
  /// nullopt: no such node; the watch then waits for its creation.
  virtual Task<Result<std::optional<Stat>>> exists(std::string path, OnChange on_change = {}) = 0;
  /// Names without the parent's path, sorted.
  virtual Task<Result<std::vector<std::string>>> children(std::string path, OnChange on_change = {}) = 0;
  /// Returns the path of the created node (a sequential one has its number appended).
  virtual Task<Result<std::string>> create(std::string path, std::string data, CreateMode mode) = 0;
  virtual Task<Result<Stat>> set(std::string path, std::string data, std::int32_t version) = 0;
  virtual Task<Result<>> remove(std::string path, std::int32_t version) = 0;
  virtual Task<Result<>> multi(std::vector<Op> operations) = 0;
  /// Makes later reads on this session see everything that was committed before the call.
  virtual Task<Result<>> sync(std::string path) = 0;

  /// Whether the session's own lease still runs at `now + margin`: send time of the last answered probe +
  /// session timeout − safety, on a clock that also counts suspended time. Check it before every side effect.
  /// It may hold for a while after the connection is lost: who has not begun yet asks connected() too.
  virtual bool lease_holds(Millis margin = Millis{0}) const = 0;
  virtual std::int64_t session_id() const = 0;  ///< 0: none
  /// Rises by one with each new session; ephemerals and watches of older ones are gone.
  virtual std::uint64_t session_generation() const = 0;
  virtual bool connected() const = 0;
  /// Registers a function called on the loop at each change of connected() or session_generation(). It lives
  /// as long as the returned token.
  using Subscription = std::shared_ptr<void>;
  virtual Subscription on_session_change(std::function<void()> changed) = 0;
};

/// Creates every missing parent of `path` and `path` itself as empty persistent nodes.
Task<Result<>> ensure_path(Zk& zk, std::string path);

struct SessionOptions {
  std::string servers;               ///< "127.0.0.1:2181,127.0.0.1:2182"
  std::string chroot = "/penstock";  ///< created when missing
  Millis session_timeout{6'000};
  Millis request_timeout{4'000};
};

/// Connects in the background and goes on for ever: a new session replaces an expired one. Must be stopped
/// before its loop ends.
class Session : public Zk {
 public:
  virtual Task<void> stop() = 0;  ///< closes the session (its ephemerals go at once), joins everything
};
std::unique_ptr<Session> open_session(Executor executor, SessionOptions options);

/// Keeps one ephemeral node in place: created now, created again in each new session, removed on stop(). A
/// node of the same name left by another session is waited out, never deleted.
class Presence {
 public:
  virtual ~Presence() = default;
  virtual bool present() const = 0;
  virtual std::string path() const = 0;       ///< with its sequence number, "" while absent
  virtual void update(std::string data) = 0;  ///< new content, now and after re-creation
  virtual Task<void> stop() = 0;
};
/// `mode` must be one of the ephemeral ones. A sequential node gets a GUID prefix, so that a create whose
/// answer was lost is found again: "<parent>/<guid>-<name>-<seq>".
std::unique_ptr<Presence> keep_present(Executor executor, Zk& zk, std::string parent, std::string name,
                                       std::string data, CreateMode mode);

/// Leader election below `parent` with ephemeral sequential nodes; each candidate watches its predecessor
/// only.
class LeaderLatch {
 public:
  virtual ~LeaderLatch() = default;
  /// Leader by ZooKeeper's word *and* by our own lease.
  virtual bool is_leader() const = 0;
  /// czxid of our node: never repeats, rises with each leadership. 0 when not leader.
  virtual std::int64_t token() const = 0;
  /// Our node: a leader's writes carry Op::check(node_path(), kAnyVersion), so that a deposed leader's write
  /// fails.
  virtual std::string node_path() const = 0;
  virtual Task<Result<std::string>>
  leader_data() = 0;  ///< the current leader's data; not_found when there is none
  virtual Task<void> stop() = 0;
};
std::unique_ptr<LeaderLatch> join_election(Executor executor, Zk& zk, std::string parent, std::string data,
                                           std::function<void()> on_change);

}  // namespace penstock::zk
