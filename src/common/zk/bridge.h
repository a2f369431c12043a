// The border between ZooKeeper's C client, which calls back on its own two threads, and our loop. Callbacks
// here copy their arguments and post; nothing else happens on the client's threads. Private to common/zk.
#pragma once

#include <zookeeper/zookeeper.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/zk/zk.h"

namespace penstock::zk {

/// What a completion said, whatever its C type: unused parts stay empty.
struct Answer {
  int rc = ZOK;
  std::string text;  ///< data of a node, or the path of a created one
  Stat stat;
  std::vector<std::string> names;  ///< children, sorted
  std::vector<int> op_errors;      ///< of a multi, one for each operation
};

struct SessionEvent {
  zhandle_t* client = nullptr;
  int state = 0;
  std::int64_t session_id = 0;
  Millis timeout{0};  ///< as negotiated
};

/// What wants to hear from a handle, on its loop. `generation` tells handles apart: the listener drops what
/// an older handle still says.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void session_event(std::uint64_t generation, SessionEvent event) = 0;
  virtual void watch_event(std::uint64_t generation, int type, std::string path) = 0;
  virtual void open_failed(std::uint64_t generation, std::string why) = 0;
  virtual bool is_current(std::uint64_t generation) const = 0;
};

class Completion;

/// One zhandle_t and what its callbacks need. It must live until close() has returned; open() and close()
/// block, so they run on the reaper's thread only.
class Handle {
 public:
  Handle(Executor executor, std::weak_ptr<Listener> listener, std::uint64_t generation)
      : executor_(std::move(executor)), listener_(std::move(listener)), generation_(generation) {}

  void open(const std::string& servers, Millis session_timeout);
  void close();

  std::uint64_t generation() const { return generation_; }

  /// What the client holds as `data` of its calls: lent before the call begins, taken back by its completion
  /// (on a thread of the client) or when the client refuses the call. Closing drops what the client forgot:
  /// calls that are under way then end without a completion when its threads see the end first.
  Completion* lend(std::unique_ptr<Completion> completion);
  std::unique_ptr<Completion> take_back(const Completion* lent);

  /// The one watcher that the client is given, for the session and for every node, with the Handle as its
  /// context: equal (function, context) pairs are one watch per path there, so that reading again never adds
  /// up.
  static void on_watch(zhandle_t* client, int type, int state, const char* path, void* context);

 private:
  friend class Completion;

  const Executor executor_;
  const std::weak_ptr<Listener> listener_;
  const std::uint64_t generation_;
  zhandle_t* client_ = nullptr;  ///< touched on the reaper's thread only

  std::mutex lending_;
  std::unordered_map<const Completion*, std::unique_ptr<Completion>> lent_;
};

/// The context of one asynchronous call: passed to the client as `data`, consumed by at most one completion.
/// When the client refuses the call, or closes, no completion comes.
class Completion {
 public:
  using OnAnswer = std::function<void(Answer)>;
  /// `on_answer` is called (and destroyed) on the loop, at most once, and only while the handle is the
  /// current one.
  Completion(std::shared_ptr<Handle> handle, OnAnswer on_answer)
      : handle_(std::move(handle)), on_answer_(std::move(on_answer)) {}

  /// Room for the results of a multi, which the client fills in before it completes.
  zoo_op_result_t* results(std::size_t count) {
    results_.resize(count);
    return results_.data();
  }

  static void with_nothing(int rc, const void* data);
  static void with_stat(int rc, const struct ::Stat* stat, const void* data);
  static void with_data(int rc, const char* value, int length, const struct ::Stat* stat, const void* data);
  static void with_string(int rc, const char* value, const void* data);
  static void with_strings(int rc, const String_vector* strings, const void* data);

 private:
  static void deliver(const void* data, Answer answer);

  std::shared_ptr<Handle> handle_;
  OnAnswer on_answer_;
  std::vector<zoo_op_result_t> results_;
};

/// `what` says who was asking. The text of `rc` is the client's.
Error error_of(int rc, const std::string& what);

}  // namespace penstock::zk
