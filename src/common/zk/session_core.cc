#include "common/zk/session_core.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/log/log.h"
#include "common/zk/paths.h"

namespace penstock::zk {
namespace {

using namespace std::chrono_literals;

constexpr log::Logger kLog{"zk"};
constexpr Millis kRetryOpen = 1s;
constexpr Millis kSayUnreachable = 5s;
constexpr int kTimeoutsToGiveUp = 5;
constexpr std::size_t kFlaps = 6;  ///< connected this often …
constexpr auto kFlapWindow =
    10s;  ///< … within this: the client is in a loop that it does not leave by itself

std::string chroot_of(const std::string& option) {
  return option == "/" ? "" : option;
}

std::string hex(std::int64_t session_id) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(session_id));
  return text;
}

}  // namespace

SessionCore::SessionCore(Executor executor, SessionOptions options)
    : executor_(executor),
      options_(std::move(options)),
      chroot_(chroot_of(options_.chroot)),
      probe_timer_(executor),
      open_timer_(executor),
      give_up_timer_(executor) {}

SessionCore::~SessionCore() {
  close_handle();
}

void SessionCore::open() {
  open_handle();
}

Task<void> SessionCore::stop(std::shared_ptr<SessionCore> self) {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  if (self->stopping_) co_return;
  self->stopping_ = true;
  self->probe_timer_.cancel();
  self->open_timer_.cancel();
  self->give_up_timer_.cancel();
  self->close_handle();
  self->end_calls(Errc::cancelled, "the session is being closed");
  self->orphans_.clear();
  self->subscribers_.clear();
  boost::asio::steady_timer closed(self->executor_, MonoTime::max());
  self->reaper_.submit(
      [executor = self->executor_, &closed] { boost::asio::post(executor, [&closed] { closed.cancel(); }); });
  co_await closed.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  self->reaper_.finish();
}

// ---------------------------------------------------------------------------------------------------------------------
// Handles

void SessionCore::open_handle() {
  if (stopping_) return;
  handle_ = std::make_shared<Handle>(executor_, weak_from_this(), ++handles_opened_);
  reaper_.submit([handle = handle_, servers = options_.servers, timeout = options_.session_timeout] {
    handle->open(servers, timeout);
  });
  say_while_unreachable();
}

/// A handle that never connects tells nothing by itself.
void SessionCore::say_while_unreachable() {
  give_up_timer_.expires_after(kSayUnreachable);
  give_up_timer_.async_wait(
      [weak = weak_from_this(), generation = handle_->generation()](boost::system::error_code error) {
        auto self = weak.lock();
        if (!self || error || !self->is_current(generation) || self->session_id_ != 0) return;
        kLog.warn("ZooKeeper is not reachable", {{"servers", self->options_.servers}});
        self->say_while_unreachable();
      });
}

void SessionCore::open_handle_in(Millis delay) {
  open_timer_.expires_after(delay);
  open_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (auto self = weak.lock(); self && !error) self->open_handle();
  });
}

void SessionCore::close_handle() {
  if (handle_) reaper_.submit([handle = std::move(handle_)] { handle->close(); });
  handle_.reset();
  client_ = nullptr;
  link_up_ = prepared_ = connected_ = false;
  session_id_ = 0;
  lease_.drop();
  links_up_.clear();
  for (auto& hook : watches_.take_all()) orphans_.push_back(std::move(hook));
}

void SessionCore::replace_handle(const char* why, Millis delay) {
  kLog.warn("session ended", {{"session", hex(session_id_)}, {"why", why}});
  close_handle();
  end_calls(Errc::timeout, std::string("the ZooKeeper session ended (") + why + "); the effect is unknown");
  open_handle_in(delay);
  notify();
}

void SessionCore::open_failed(std::uint64_t generation, std::string why) {
  if (!is_current(generation)) return;
  kLog.warn("cannot open a session", {{"servers", options_.servers}, {"why", why}});
  close_handle();
  open_handle_in(kRetryOpen);
}

// ---------------------------------------------------------------------------------------------------------------------
// The link

void SessionCore::session_event(std::uint64_t generation, SessionEvent event) {
  if (!is_current(generation)) return;
  if (event.state == ZOO_CONNECTED_STATE) return link_up(event);
  if (event.state == ZOO_EXPIRED_SESSION_STATE) return replace_handle("expired", 0ms);
  if (event.state == ZOO_AUTH_FAILED_STATE) return replace_handle("authentication failed", kRetryOpen);
  link_down();
}

bool SessionCore::flapping() {
  const auto now = MonoClock::now();
  links_up_.push_back(now);
  if (links_up_.size() > kFlaps) links_up_.pop_front();
  return links_up_.size() == kFlaps && now - links_up_.front() < kFlapWindow;
}

void SessionCore::link_up(const SessionEvent& event) {
  if (flapping()) return replace_handle("the connection flaps", kRetryOpen);
  client_ = event.client;
  session_id_ = event.session_id;
  timeout_ = event.timeout;
  link_up_ = true;
  probe_in(timeout_ / 6);
  if (prepared_) return probe();
  prepare_chroot(0);
}

/// A client that has seen a newer zxid than its server (which was restored or wiped) is turned away for ever,
/// and one that is cut off never hears of its expiry. After some session timeouts nothing is left to keep:
/// begin anew.
void SessionCore::give_up_in(Millis delay) {
  give_up_timer_.expires_after(delay);
  give_up_timer_.async_wait(
      [weak = weak_from_this(), generation = handle_->generation()](boost::system::error_code error) {
        auto self = weak.lock();
        if (self && !error && self->is_current(generation) && !self->link_up_)
          self->replace_handle("no connection for long", 0ms);
      });
}

void SessionCore::link_down() {
  if (std::exchange(link_up_, false)) give_up_in(timeout_ * kTimeoutsToGiveUp);
  if (!std::exchange(connected_, false)) return;
  kLog.warn("disconnected", {{"session", hex(session_id_)}});
  notify();
}

/// A chroot that does not exist would make every call fail, so each new session creates it first, part by
/// part.
void SessionCore::prepare_chroot(std::size_t done) {
  const auto parts = path_and_parents(chroot_);
  if (done == parts.size()) {
    prepared_ = true;
    return probe();
  }
  const auto start = [path = parts[done]](zhandle_t* client, Handle*, Completion* completion) {
    return zoo_acreate(client, path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                       &Completion::with_string, completion);
  };
  // An answer comes only while this core and this handle are there. What fails is tried again with the next
  // probe.
  begin(start, [this, done, path = parts[done]](Answer answer) {
    if (answer.rc == ZOK || answer.rc == ZNODEEXISTS) return prepare_chroot(done + 1);
    if (answer.rc != ZCONNECTIONLOSS)
      kLog.warn("cannot create the chroot", {{"path", path}, {"why", zerror(answer.rc)}});
  });
}

/// The root always exists, and any answer counts: the server has heard from this session after `sent`.
void SessionCore::probe() {
  const auto start = [](zhandle_t* client, Handle*, Completion* completion) {
    return zoo_aexists(client, "/", 0, &Completion::with_stat, completion);
  };
  begin(start, [this, sent = BootClock::now()](Answer answer) {
    if (answer.rc != ZOK || !link_up_) return;
    lease_.renewed(sent, timeout_);
    if (!connected_) become_connected();
  });
}

void SessionCore::probe_in(Millis delay) {
  probe_timer_.expires_after(delay);
  probe_timer_.async_wait([weak = weak_from_this(), delay](boost::system::error_code error) {
    auto self = weak.lock();
    if (!self || error || !self->link_up_) return;
    self->probe_in(delay);
    self->prepared_ ? self->probe() : self->prepare_chroot(0);
  });
}

void SessionCore::become_connected() {
  connected_ = true;
  if (session_id_ == announced_session_) {
    kLog.info("reconnected", {{"session", hex(session_id_)}});
    return notify();
  }
  announced_session_ = session_id_;
  ++session_generation_;
  kLog.info("new session",
            {{"session", hex(session_id_)}, {"timeout_ms", timeout_.count()}, {"servers", options_.servers}});
  notify();
  for (const auto& hook : std::exchange(orphans_, {})) hook();
}

void SessionCore::notify() {
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.expired(); });
  const auto now = subscribers_;  // a subscriber may add others
  for (const auto& subscriber : now)
    if (auto call = subscriber.lock()) (*call)();
}

Zk::Subscription SessionCore::on_session_change(std::function<void()> changed) {
  auto subscriber = std::make_shared<std::function<void()>>(std::move(changed));
  subscribers_.push_back(subscriber);
  return subscriber;
}

// ---------------------------------------------------------------------------------------------------------------------
// Watches

void SessionCore::watch_event(std::uint64_t generation, int type, std::string path) {
  if (!is_current(generation)) return;
  std::vector<OnChange> hooks;
  if (type != ZOO_CHILD_EVENT) hooks = watches_.take(WatchKind::data, path);
  if (type == ZOO_CHILD_EVENT || type == ZOO_DELETED_EVENT || type == ZOO_NOTWATCHING_EVENT)
    for (auto& hook : watches_.take(WatchKind::children, path)) hooks.push_back(std::move(hook));
  for (const auto& hook : hooks) hook();
}

// ---------------------------------------------------------------------------------------------------------------------
// Calls

/// Keeps a call in the list of those that end with the session, for as long as its coroutine lives.
class SessionCore::Registered {
 public:
  Registered(SessionCore& core, std::shared_ptr<Call> call) : core_(core), call_(std::move(call)) {
    core_.calls_.insert(call_);
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
  ~Registered() { core_.calls_.erase(call_); }

 private:
  SessionCore& core_;
  std::shared_ptr<Call> call_;
};

int SessionCore::begin(const Start& start, Completion::OnAnswer on_answer) {
  Completion* const data = handle_->lend(std::make_unique<Completion>(handle_, std::move(on_answer)));
  const int rc = start(client_, handle_.get(), data);
  if (rc != ZOK) handle_->take_back(data);
  if (rc == ZINVALIDSTATE) replace_handle("the handle is dead", 0ms);
  return rc;
}

Task<Result<Answer>> SessionCore::ask(std::shared_ptr<SessionCore> self, std::string what, Watch watch,
                                      Start start) {
  if (self->stopping_) co_return fail(Errc::cancelled, what + ": the session is closed");
  if (!self->connected_) co_return fail(Errc::unavailable, what + ": not connected to ZooKeeper");
  if (watch.wanted && !self->watches_.has_room(watch.kind, watch.path, kWatchedBytesMax))
    co_return fail(Errc::invalid_argument,
                   what + ": this session watches " + std::to_string(self->watches_.bytes()) +
                       " bytes of paths already; at most " + std::to_string(kWatchedBytesMax));

  auto call = std::make_shared<Call>(self->executor_);
  const Registered registered(*self, call);
  call->timer.expires_after(self->options_.request_timeout);
  auto on_answer = [core = self.get(), watch, weak = std::weak_ptr<Call>(call)](Answer answer) {
    core->answered(watch, weak, std::move(answer));
  };
  if (const int rc = self->begin(start, std::move(on_answer)); rc != ZOK) co_return fail(error_of(rc, what));
  auto [error] = co_await call->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (auto outcome = std::move(call->outcome)) {
    if (!*outcome) co_return fail(std::move(outcome->error()).in(what));
    co_return std::move(*outcome);
  }
  if (error) co_return fail(Errc::cancelled, what + ": stopping");
  co_return fail(Errc::timeout, what + ": no answer within " +
                                    std::to_string(self->options_.request_timeout.count()) + " ms");
}

void SessionCore::answered(const Watch& watch, const std::weak_ptr<Call>& weak, Answer answer) {
  const auto call = weak.lock();
  const bool watching = watch.wanted && (answer.rc == ZOK || (answer.rc == ZNONODE && watch.also_absent));
  if (watching) watches_.add(watch.kind, watch.path, call ? watch.hook : OnChange{});
  if (watching &&
      std::exchange(watches_are_many_, watches_.bytes() > kWatchedBytesMax / 2) != watches_are_many_ &&
      watches_are_many_)
    kLog.warn("many watches", {{"path_bytes", watches_.bytes()}, {"at_most", kWatchedBytesMax}});
  if (!call) return;
  call->outcome = std::move(answer);
  call->timer.cancel();
}

void SessionCore::end_calls(Errc code, const std::string& why) {
  for (const auto& call : calls_) {
    if (!call->outcome) call->outcome = fail(code, why);
    call->timer.cancel();
  }
}

std::string SessionCore::full_path(const std::string& path) const {
  if (path == "/") return chroot_.empty() ? "/" : chroot_;
  return chroot_ + path;
}

std::string SessionCore::without_chroot(std::string path) const {
  return path.starts_with(chroot_) ? path.substr(chroot_.size()) : path;
}

}  // namespace penstock::zk
