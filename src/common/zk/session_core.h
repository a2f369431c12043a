// A session that replaces itself: one handle at a time, the calls that wait on it, its watches and its lease.
// Everything here happens on the loop. Private to common/zk.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/zk/bridge.h"
#include "common/zk/lease.h"
#include "common/zk/reaper.h"
#include "common/zk/watch_table.h"

namespace penstock::zk {

class SessionCore final : public Listener, public std::enable_shared_from_this<SessionCore> {
 public:
  SessionCore(Executor executor, SessionOptions options);
  ~SessionCore() override;  ///< without stop(): closes all the same, and blocks meanwhile

  void open();
  static Task<void> stop(std::shared_ptr<SessionCore> self);

  /// A wish to be told of changes that rides on a read.
  struct Watch {
    WatchKind kind;
    std::string path;          ///< as the server knows it
    OnChange hook;             ///< empty: none
    bool also_absent = false;  ///< "no such node" sets the watch too
    bool wanted = static_cast<bool>(hook);
  };
  /// Starts one asynchronous call of the client with `completion` as its data; returns the client's code.
  using Start = std::function<int(zhandle_t* client, Handle* watch_context, Completion* completion)>;

  /// One call, completed exactly once: by its answer (whatever its code says), or with unavailable, timeout,
  /// cancelled.
  static Task<Result<Answer>> ask(std::shared_ptr<SessionCore> self, std::string what, Watch watch,
                                  Start start);

  std::string full_path(const std::string& path) const;
  std::string without_chroot(std::string path) const;

  bool lease_holds(Millis margin) const { return lease_.holds(BootClock::now(), margin); }
  bool connected() const { return connected_; }
  std::int64_t session_id() const { return session_id_; }
  std::uint64_t session_generation() const { return session_generation_; }
  Zk::Subscription on_session_change(std::function<void()> changed);

 private:
  struct Call {
    explicit Call(const Executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;
    std::optional<Result<Answer>> outcome;
  };
  class Registered;

  void session_event(std::uint64_t generation, SessionEvent event) override;
  void watch_event(std::uint64_t generation, int type, std::string path) override;
  void open_failed(std::uint64_t generation, std::string why) override;
  bool is_current(std::uint64_t generation) const override {
    return handle_ && handle_->generation() == generation;
  }

  void open_handle();
  void open_handle_in(Millis delay);
  void close_handle();
  /// The handle is dead or useless: its calls end, its watches wait for the next session, a new handle is
  /// opened.
  void replace_handle(const char* why, Millis delay);
  bool flapping();
  void link_up(const SessionEvent& event);
  void link_down();
  void give_up_in(Millis delay);
  void say_while_unreachable();
  void prepare_chroot(std::size_t done);
  void probe();
  void probe_in(Millis delay);
  void become_connected();
  void notify();
  void end_calls(Errc code, const std::string& why);
  int begin(const Start& start, Completion::OnAnswer on_answer);
  void answered(const Watch& watch, const std::weak_ptr<Call>& call, Answer answer);

  const Executor executor_;
  const SessionOptions options_;
  const std::string chroot_;  ///< "" or "/a/b"

  std::shared_ptr<Handle> handle_;
  std::uint64_t handles_opened_ = 0;
  zhandle_t* client_ = nullptr;  ///< of handle_, once it has connected
  bool link_up_ = false;         ///< the client says connected
  bool prepared_ = false;        ///< the chroot is there
  bool connected_ = false;       ///< link up, prepared, and a probe answered: open for calls
  bool stopping_ = false;
  Millis timeout_{0};  ///< negotiated
  std::int64_t session_id_ = 0;
  std::int64_t announced_session_ = 0;
  std::uint64_t session_generation_ = 0;
  Lease lease_;
  std::deque<MonoTime> links_up_;  ///< of this handle, the last few

  WatchTable watches_;
  bool watches_are_many_ = false;
  std::vector<OnChange> orphans_;  ///< watches of ended sessions, called in the next
  std::set<std::shared_ptr<Call>> calls_;
  std::vector<std::weak_ptr<std::function<void()>>> subscribers_;

  boost::asio::steady_timer probe_timer_;
  boost::asio::steady_timer open_timer_;
  boost::asio::steady_timer give_up_timer_;
  Reaper reaper_;  ///< last: joined first
};

}  // namespace penstock::zk
